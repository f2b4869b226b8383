namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.ExpandDims: a tensor with one dimension more. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class ExpandDims : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context) =>
        context.SetOutput(0, context.Add("Unsqueeze", [context.Input(0), context.Integers(context.RequireInteger(1))]));
}
