namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.TorchEmbedding: rows of a table by number. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>What the other inputs say is for training.</remarks>
internal sealed class TorchEmbedding : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context) => context.SetOutput(0, context.Add("Gather", [context.Input(0), context.Input(1)], ("axis", 0)));
}
