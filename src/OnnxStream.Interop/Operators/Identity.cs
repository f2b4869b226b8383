namespace OnnxStream.Interop.Operators;

/// <summary>Returns its input. https://onnx.ai/onnx/operators/onnx__Identity.html (opsets 1 to 25: only types were added).</summary>
internal sealed class Identity : ViewOperator
{
    /// <inheritdoc/>
    protected override Shape OutputShape(InferenceContext context) => context.InputShape(0);
}
