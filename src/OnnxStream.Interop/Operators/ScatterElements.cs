using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>ScatterElements, and Scatter, its name before opset 11: changes single elements by their index along an axis.</summary>
/// <remarks>
/// https://onnx.ai/onnx/operators/onnx__ScatterElements.html. Opset 16 added the reductions add and mul, 18 max and min;
/// updates are applied in their order.
/// </remarks>
internal sealed class ScatterElements : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        _ = GatherElements.Axis(context);
        _ = ScatterReduction.Parse(context);
        if (context.InputShape(2) != context.InputShape(1) || context.InputElementType(2) != context.InputElementType(0))
        {
            throw context.Invalid("the updates must have the shape of the indices and the element type of the data");
        }

        context.SetOutput(0, context.InputElementType(0), context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        if (context.InputShape(1).ElementCount == 0)
        {
            context.View(0, context.Input(0));
            return;
        }

        Kernel kernel = ScatterReduction.CreateKernel(context, new Factory(context.InputShape(0), context.InputShape(1), GatherElements.Axis(context)));
        context.Emit(kernel, [context.Input(0), context.Input(1), context.Input(2)], [context.Output(0)]);
    }

    private readonly struct Factory(Shape data, Shape indices, int axis) : ScatterReduction.IFactory
    {
        public Kernel Create<T, TFunction>()
            where T : unmanaged
            where TFunction : IBinaryFunction<T, T> => new ScatterElementsKernel<T, TFunction>(data, indices, axis);
    }
}
