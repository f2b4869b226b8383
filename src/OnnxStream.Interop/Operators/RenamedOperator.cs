namespace OnnxStream.Interop.Operators;

/// <summary>Operators of com.microsoft that ONNX has under the same name: QuantizeLinear, DequantizeLinear, GatherND, Range, Trilu. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="operatorType">The operator.</param>
internal sealed class RenamedOperator(string operatorType) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context) =>
        context.SetOutput(0, context.Add(operatorType, context.Node.Inputs, [.. context.Attributes.All.Select(pair => (pair.Key, pair.Value))]));
}
