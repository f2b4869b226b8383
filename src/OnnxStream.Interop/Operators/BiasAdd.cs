namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.BiasAdd: the sum of two tensors and a bias of channels. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class BiasAdd : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context) =>
        context.SetOutput(0, context.Add("Add", [context.Add("Add", [context.Input(0), context.Input(1)]), context.Input(2)]));
}
