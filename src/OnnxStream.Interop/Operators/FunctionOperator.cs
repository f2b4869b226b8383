namespace OnnxStream.Interop.Operators;

/// <summary>An operator that is always made of others: it has no steps of its own.</summary>
internal abstract class FunctionOperator : Operator
{
    /// <inheritdoc/>
    public sealed override bool IsFunction(NodeContext context) => true;

    /// <inheritdoc/>
    public sealed override void Infer(InferenceContext context) => throw new InvalidOperationException("A function is replaced before its types are inferred.");

    /// <inheritdoc/>
    public sealed override void Lower(LoweringContext context) => throw new InvalidOperationException("A function is replaced before it is lowered.");
}
