using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Det: the determinant of square matrices. https://onnx.ai/onnx/operators/onnx__Det.html (opsets 11 and 22: only types were added).</summary>
internal sealed class Determinant : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        if (input.Rank < 2 || input[^1] != input[^2])
        {
            throw context.Invalid("the input must be square matrices");
        }

        context.SetOutput(0, context.InputElementType(0), new Shape(input.Dimensions[..^2]));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        long count = input.Product(0, input.Rank - 2);
        int size = checked((int)input[^1]);
        Kernel kernel = context.InputElementType(0) switch
        {
            ElementType.Float32 => new DeterminantKernel<float>(count, size),
            ElementType.Float64 => new DeterminantKernel<double>(count, size),
            ElementType.Float16 => new DeterminantKernel<Half>(count, size),
            var type => throw context.Unsupported($"element type {type.ToOnnxName()}"),
        };
        context.Emit(kernel, [context.Input(0)], [context.Output(0)]);
    }
}
