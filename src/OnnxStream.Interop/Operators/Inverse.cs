using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.Inverse: the inverses of square matrices. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>Computed in double precision. A matrix that has none gives numbers that are not finite.</remarks>
internal sealed class Inverse : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        if (input.Rank < 2 || input[^1] != input[^2])
        {
            throw context.Invalid("the input must be square matrices");
        }

        context.SetOutput(0, context.InputElementType(0), input);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        long count = input.Product(0, input.Rank - 2);
        int size = checked((int)input[^1]);
        Kernel kernel = context.InputElementType(0) switch
        {
            ElementType.Float32 => new InverseKernel<float>(count, size),
            ElementType.Float64 => new InverseKernel<double>(count, size),
            ElementType.Float16 => new InverseKernel<Half>(count, size),
            var type => throw context.Unsupported($"element type {type.ToOnnxName()}"),
        };
        context.Emit(kernel, [context.Input(0)], [context.Output(0)]);
    }
}
