using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Writes new keys or values into a cache of fixed size, each item of the batch at its own position. https://onnx.ai/onnx/operators/onnx__TensorScatter.html (opset 24)</summary>
/// <remarks>In mode <c>circular</c>, what does not fit at the end goes on at the start; in mode <c>linear</c> it is an error.</remarks>
internal sealed class TensorScatter : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape cache = context.InputShape(0);
        Shape update = context.InputShape(1);
        string mode = context.Attributes.String("mode", "linear");
        if (mode is not ("linear" or "circular"))
        {
            throw context.Invalid($"mode is '{mode}', it must be 'linear' or 'circular'");
        }

        int axis = Axis(context);
        if (axis == 0 || update.Rank != cache.Rank || update.With(axis, cache[axis]) != cache || update[axis] > cache[axis] || context.InputElementType(1) != context.InputElementType(0))
        {
            throw context.Invalid($"an update of type {context.InputType(1)} does not fit a cache of type {context.InputType(0)} along axis {axis}, which must not be the first");
        }

        if (context.HasInput(2) && (context.InputElementType(2) != ElementType.Int64 || context.InputShape(2) != new Shape(cache[0])))
        {
            throw context.Invalid($"the positions must be int64[{cache[0]}]");
        }

        context.SetOutput(0, context.InputElementType(0), cache);
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape cache = context.InputShape(0);
        int axis = Axis(context);
        CacheUpdateKernel kernel = new(
            cache[0], cache.Product(1, axis), cache[axis], context.InputShape(1)[axis], cache.Product(axis + 1, cache.Rank) * context.InputElementType(0).SizeOf(),
            context.Attributes.String("mode", "linear") == "circular", context.HasInput(2));
        context.Emit(kernel, context.HasInput(2) ? [context.Input(0), context.Input(1), context.Input(2)] : [context.Input(0), context.Input(1)], [context.Output(0)]);
    }

    private static int Axis(NodeContext context) => context.Axis(context.Attributes.Int("axis", -2), context.InputShape(0).Rank);
}
