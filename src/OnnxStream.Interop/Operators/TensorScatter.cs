using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>Writes new keys or values into a cache of fixed size, each item of the batch at its own position. https://onnx.ai/onnx/operators/onnx__TensorScatter.html (opset 24)</summary>
/// <remarks>In mode <c>circular</c>, what does not fit at the end goes on at the start; in mode <c>linear</c> it is an error.</remarks>
internal sealed class TensorScatter : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape cache = context.InputShape(0);
        Shape update = context.InputShape(1);
        string mode = context.Attributes.String("mode", "linear");
        if (mode is not ("linear" or "circular"))
        {
            throw context.Invalid($"mode is '{mode}', it must be 'linear' or 'circular'");
        }

        int axis = context.Axis(context.Attributes.Int("axis", -2), cache.Rank);
        if (axis == 0 || update.Rank != cache.Rank || update.With(axis, cache[axis]) != cache || update[axis] > cache[axis] || context.InputElementType(1) != context.InputElementType(0))
        {
            throw context.Invalid($"an update of type {context.InputType(1)} does not fit a cache of type {context.InputType(0)} along axis {axis}, which must not be the first");
        }

        // For each item and position of the update, its position in the cache.
        long[] shape = [.. Enumerable.Repeat(1L, cache.Rank)];
        shape[axis] = update[axis];
        Value positions = context.Reshape(context.Add("Range", [context.Constant<long>([0]), context.Constant<long>([update[axis]]), context.Constant<long>([1])]), shape);
        if (context.OptionalInput(2) is { } starts)
        {
            if (context.InputElementType(2) != ElementType.Int64 || context.InputShape(2) != new Shape(cache[0]))
            {
                throw context.Invalid($"the positions must be int64[{cache[0]}]");
            }

            shape[axis] = 1;
            shape[0] = cache[0];
            positions = context.Add("Add", [context.Reshape(starts, shape), positions]);
        }

        if (mode == "circular")
        {
            positions = context.Add("Mod", [positions, context.Constant<long>([cache[axis]])]);
        }

        positions = context.Add("Expand", [positions, context.Integers(update.Dimensions)]);
        context.SetOutput(0, context.Add("ScatterElements", [context.Input(0), positions, context.Input(1)], ("axis", axis)));
    }
}
