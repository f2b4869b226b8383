using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Divides by a norm along an axis. https://onnx.ai/onnx/operators/onnx__LpNormalization.html (opsets 1 and 22: only types were added).</summary>
internal sealed class LpNormalization : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        _ = Axis(context);
        if (P(context) is not (1 or 2))
        {
            throw context.Invalid($"p is {P(context)}, it must be 1 or 2");
        }

        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        int axis = Axis(context);
        long outer = input.Product(0, axis);
        long inner = input.Product(axis + 1, input.Rank);
        Kernel kernel = context.InputElementType(0) switch
        {
            ElementType.Float32 => new LpNormalizationKernel<float>(outer, input[axis], inner, P(context)),
            ElementType.Float64 => new LpNormalizationKernel<double>(outer, input[axis], inner, P(context)),
            ElementType.Float16 => new LpNormalizationKernel<Half>(outer, input[axis], inner, P(context)),
            var type => throw context.Unsupported($"element type {type.ToOnnxName()}"),
        };
        context.Emit(kernel, [context.Input(0)], [context.Output(0)]);
    }

    private static int Axis(NodeContext context) => context.Axis(context.Attributes.Int("axis", -1), context.InputShape(0).Rank);

    private static long P(NodeContext context) => context.Attributes.Int("p", 2);
}
