using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Quantizes to bytes by the range of the data. https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html (opset 11).</summary>
internal sealed class DynamicQuantizeLinear : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputElementType(0) != ElementType.Float32)
        {
            throw context.Invalid("the input must be float");
        }

        context.SetOutput(0, ElementType.UInt8, context.InputShape(0));
        context.SetOutput(1, ElementType.Float32, Shape.Scalar);
        context.SetOutput(2, ElementType.UInt8, Shape.Scalar);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor input = context.Input(0);
        context.Emit(
            new DynamicQuantizeKernel(input.ElementCount), [input],
            [
                context.HasOutput(0) ? context.Output(0) : context.Temporary(ElementType.UInt8, input.Shape.Dimensions),
                context.HasOutput(1) ? context.Output(1) : context.Temporary(ElementType.Float32),
                context.HasOutput(2) ? context.Output(2) : context.Temporary(ElementType.UInt8),
            ]);
    }
}
