using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.QLinearConv and NhwcMaxPool: layers whose channels may be the last dimension. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="operatorType">The ONNX operator, whose channels are the second dimension.</param>
/// <param name="isAlways">Whether channels are last without attribute <c>channels_last</c>.</param>
internal sealed class ChannelsLastOperator(string operatorType, bool isAlways) : FunctionOperator
{
    private const string ChannelsLast = "channels_last";

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value?[] inputs = [.. context.Node.Inputs];
        (string, object)[] attributes = [.. context.Attributes.All.Where(pair => pair.Key != ChannelsLast).Select(pair => (pair.Key, pair.Value))];
        bool isLast = isAlways || context.Attributes.Int(ChannelsLast, 0) != 0;
        inputs[0] = isLast ? ToFirst(context, context.Input(0)) : context.Input(0);
        Value result = context.Add(operatorType, inputs, attributes);
        context.SetOutput(0, isLast ? ToLast(context, result) : result);
    }

    /// <summary>[N, ..., C] as [N, C, ...].</summary>
    public static Value ToFirst(FunctionContext context, Value value)
    {
        long[] axes = Axes(context, value);
        return context.Transpose(value, [0, axes[^1], .. axes[1..^1]]);
    }

    /// <summary>[N, C, ...] as [N, ..., C].</summary>
    public static Value ToLast(FunctionContext context, Value value)
    {
        long[] axes = Axes(context, value);
        return context.Transpose(value, [0, .. axes[2..], 1]);
    }

    private static long[] Axes(FunctionContext context, Value value) =>
        value.Type!.Value.Shape.Rank >= 3 ? [.. Enumerable.Range(0, value.Type.Value.Shape.Rank).Select(axis => (long)axis)] : throw context.Invalid($"{value.Type} must have at least three dimensions");
}
