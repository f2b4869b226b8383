using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Turns indices into lines with one element that differs. https://onnx.ai/onnx/operators/onnx__OneHot.html</summary>
/// <remarks>Opset 11 allowed negative indices. Indices outside of the depth give lines without the element. The depth must be known when planning.</remarks>
internal sealed class OneHot : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape indices = context.InputShape(0);
        if (!ElementConversion.Supports(context.InputElementType(0)) || context.InputElementType(0) == ElementType.Bool || context.InputShape(2) != new Shape(2))
        {
            throw context.Invalid("indices must be numbers, values must be two elements");
        }

        int axis = Axis(context);
        context.SetOutput(0, context.InputElementType(2), new Shape([.. indices.Dimensions[..axis], Depth(context), .. indices.Dimensions[axis..]]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        if (output.ElementCount == 0)
        {
            return;
        }

        PlanTensor indices = context.Input(0);
        if (indices.ElementType is not (ElementType.Int64 or ElementType.Int32))
        {
            PlanTensor integers = context.Temporary(indices.Type with { ElementType = ElementType.Int64 });
            context.Emit(new CastKernel(indices.ElementType, ElementType.Int64, indices.ElementCount), [indices], [integers]);
            indices = integers;
        }

        int axis = Axis(context);
        Kernel kernel = SizedKernels.Create(output.ElementType, new Factory(indices.Shape.Product(0, axis), output.Shape[axis], indices.Shape.Product(axis, indices.Shape.Rank)));
        context.Emit(kernel, [indices, context.Input(2)], [output]);
    }

    // Counted in the output, which has one dimension more than the indices.
    private static int Axis(NodeContext context) => context.Axis(context.Attributes.Int("axis", -1), context.InputShape(0).Rank + 1);

    private static unsafe long Depth(NodeContext context)
    {
        TensorType type = context.InputType(1);
        if (type.Shape.ElementCount != 1 || !ElementConversion.Supports(type.ElementType))
        {
            throw context.Invalid("the depth must be a single number");
        }

        long depth;
        fixed (byte* number = context.RequireBytes(1))
        {
            ElementConversion.Convert(type.ElementType, number, ElementType.Int64, (byte*)&depth, 1);
        }

        return depth >= 1 ? depth : throw context.Invalid($"the depth is {depth}, it must be at least 1");
    }

    private readonly struct Factory(long outer, long depth, long inner) : ISizedKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged => new OneHotKernel<T>(outer, depth, inner);
    }
}
