using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.QLinearSigmoid and QLinearLeakyRelu: an activation of a quantized tensor. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="operatorType">The ONNX operator that is computed.</param>
internal sealed class QuantizedActivation(string operatorType) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value numbers = QuantizedTensors.Dequantize(context, 0, 1, 2);
        Value result = operatorType == "LeakyRelu"
            ? context.Add(operatorType, [numbers], ("alpha", context.Attributes.Float("alpha", 0.01f)))
            : context.Add(operatorType, [numbers]);
        context.SetOutput(0, QuantizedTensors.Quantize(context, result, 3, 4, context.InputElementType(0)));
    }
}
