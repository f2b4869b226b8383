using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>LRN: divides by a power of the sum of squares over neighbouring channels. https://onnx.ai/onnx/operators/onnx__LRN.html (opsets 1 and 13: only types were added).</summary>
internal sealed class LocalResponseNormalization : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        if (context.InputShape(0).Rank < 2)
        {
            throw context.Invalid("the input must have at least two dimensions");
        }

        if (Size(context) is < 1 or > int.MaxValue)
        {
            throw context.Invalid($"size {Size(context)} is not possible");
        }

        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        long rows = input[0] * input[1];
        long space = input.Product(2, input.Rank);
        double alpha = context.Attributes.Float("alpha", 0.0001f);
        double beta = context.Attributes.Float("beta", 0.75f);
        double bias = context.Attributes.Float("bias", 1);
        Kernel kernel = context.InputElementType(0) switch
        {
            ElementType.Float32 => new LocalResponseKernel<float, float>(rows, input[1], space, Size(context), alpha, beta, bias),
            ElementType.Float64 => new LocalResponseKernel<double, double>(rows, input[1], space, Size(context), alpha, beta, bias),
            ElementType.Float16 => new LocalResponseKernel<Half, float>(rows, input[1], space, Size(context), alpha, beta, bias),
            var type => throw context.Unsupported($"element type {type.ToOnnxName()}"),
        };
        context.Emit(kernel, [context.Input(0)], [context.Output(0)]);
    }

    private static long Size(NodeContext context) => context.Attributes.Int("size", 0);
}
