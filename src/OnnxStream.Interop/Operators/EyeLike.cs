using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>A matrix as large as the input with ones on a diagonal. https://onnx.ai/onnx/operators/onnx__EyeLike.html (opset 22 only added types).</summary>
internal sealed class EyeLike : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType type = (ElementType)context.Attributes.Int("dtype", (long)context.InputElementType(0));
        if (context.InputShape(0).Rank != 2)
        {
            throw context.Invalid("the input must be a matrix");
        }

        if (!ElementConversion.Supports(type))
        {
            throw context.Unsupported($"element type {type.ToOnnxName()}");
        }

        context.SetOutput(0, type, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        context.Emit(new DiagonalKernel(output.Shape[0], output.Shape[1], context.Attributes.Int("k", 0), One(output.ElementType)), [], [output]);
    }

    /// <summary>The number 1 of a type.</summary>
    public static unsafe byte[] One(ElementType type)
    {
        byte[] one = new byte[type.SizeOf()];
        bool isOne = true;
        fixed (byte* number = one)
        {
            ElementConversion.Convert(ElementType.Bool, (byte*)&isOne, type, number, 1);
        }

        return one;
    }
}
