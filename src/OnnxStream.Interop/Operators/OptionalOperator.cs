namespace OnnxStream.Interop.Operators;

/// <summary>Optional, OptionalHasElement and OptionalGetElement. https://onnx.ai/onnx/operators/onnx__Optional.html</summary>
/// <remarks>
/// An optional value with content is that content, a tensor or a sequence, so these nodes compute nothing and are no steps of a plan: the session
/// cuts its graph there (<see cref="InferenceSession"/>). Opset 18 allowed tensors and sequences where optional values are asked about, and no input at all.
/// </remarks>
internal sealed class OptionalOperator : Operator
{
    /// <inheritdoc/>
    public override bool IsStep => false;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context) => throw NotAStep();

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => throw NotAStep();

    private static InvalidOperationException NotAStep() => new("Optional values are not made by steps of a plan.");
}
