namespace OnnxStream.Interop.Operators;

/// <summary>Removes dimensions of size 1. https://onnx.ai/onnx/operators/onnx__Squeeze.html</summary>
/// <remarks>Opset 11 allowed negative axes, 13 made the axes an input. Without axes all dimensions of size 1 go.</remarks>
internal sealed class Squeeze : ViewOperator
{
    /// <inheritdoc/>
    protected override Shape OutputShape(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        int[]? axes = context.AttributeOrInput("axes", inputFrom: 13, 1) is { } given ? context.Axes(given, input.Rank) : null;
        List<long> dimensions = [];
        for (int i = 0; i < input.Rank; i++)
        {
            bool removed = axes is null ? input[i] == 1 : axes.Contains(i);
            if (!removed)
            {
                dimensions.Add(input[i]);
            }
            else if (input[i] != 1)
            {
                throw context.Invalid($"dimension {i} is {input[i]}, only dimensions of size 1 can be removed");
            }
        }

        return new Shape([.. dimensions]);
    }
}
