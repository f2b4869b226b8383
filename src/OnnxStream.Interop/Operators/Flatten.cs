namespace OnnxStream.Interop.Operators;

/// <summary>Makes a matrix: the dimensions before <c>axis</c> (1 unless given) are its rows. https://onnx.ai/onnx/operators/onnx__Flatten.html</summary>
/// <remarks>Opset 11 allowed negative axes; 9 and later only added types.</remarks>
internal sealed class Flatten : ViewOperator
{
    /// <inheritdoc/>
    protected override Shape OutputShape(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        long requested = context.Attributes.Int("axis", 1);

        // An axis behind the last dimension is allowed: rows of one element.
        int axis = requested == input.Rank || input.Rank == 0 ? input.Rank : context.Axis(requested, input.Rank);
        return new Shape(input.Product(0, axis), input.Product(axis, input.Rank));
    }
}
