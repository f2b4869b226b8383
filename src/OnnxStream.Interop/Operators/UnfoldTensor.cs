using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.UnfoldTensor: windows along a dimension, whose elements become a dimension behind the others. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class UnfoldTensor : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape shape = context.InputShape(0);
        int axis = context.Axis(context.Attributes.Int("dim", -1), shape.Rank);
        long size = context.Attributes.Int("size", 0);
        long step = context.Attributes.Int("step", 1);
        if (size < 1 || step < 1 || size > shape[axis])
        {
            throw context.Invalid($"windows of {size} elements, {step} apart, are not possible along a dimension of {shape[axis]}");
        }

        long count = (shape[axis] - size) / step + 1;
        Value starts = context.Reshape(context.Add("Range", [context.Constant<long>([0]), context.Constant<long>([(count - 1) * step + 1]), context.Constant<long>([step])]), count, 1);
        Value places = context.Add("Add", [starts, context.Add("Range", [context.Constant<long>([0]), context.Constant<long>([size]), context.Constant<long>([1])])]);
        Value windows = context.Add("Gather", [context.Input(0), places], ("axis", axis));
        long[] order = [.. Enumerable.Range(0, shape.Rank + 1).Where(dimension => dimension != axis + 1).Append(axis + 1).Select(dimension => (long)dimension)];
        context.SetOutput(0, context.Transpose(windows, order));
    }
}
