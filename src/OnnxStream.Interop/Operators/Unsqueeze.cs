namespace OnnxStream.Interop.Operators;

/// <summary>Inserts dimensions of size 1. https://onnx.ai/onnx/operators/onnx__Unsqueeze.html</summary>
/// <remarks>Opset 11 allowed negative axes, 13 made the axes an input. Axes count in the result.</remarks>
internal sealed class Unsqueeze : ViewOperator
{
    /// <inheritdoc/>
    protected override Shape OutputShape(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        long[] given = context.AttributeOrInput("axes", inputFrom: 13, 1) ?? throw context.Invalid("the axes are missing");
        int rank = input.Rank + given.Length;
        int[] axes = context.Axes(given, rank);
        long[] dimensions = new long[rank];
        int next = 0;
        for (int i = 0; i < rank; i++)
        {
            dimensions[i] = axes.Contains(i) ? 1 : input[next++];
        }

        return new Shape(dimensions);
    }
}
