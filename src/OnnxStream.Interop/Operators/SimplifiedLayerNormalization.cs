namespace OnnxStream.Interop.Operators;

/// <summary>SimplifiedLayerNormalization, which ONNX Runtime's tools write: RMSNormalization under another name. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class SimplifiedLayerNormalization : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context) =>
        context.SetOutput(0, context.Add("RMSNormalization", [context.Input(0), context.Input(1)], ("axis", context.Attributes.Int("axis", -1)), ("epsilon", context.Attributes.Float("epsilon", 1e-5f))));
}
