namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.RestorePadding: tokens of several sequences as sequences of one length, filled up with zeros. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class RestorePadding : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context) => context.SetOutput(0, PackedTokens.Unpack(context, context.Input(0), 1));
}
