using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.QLinearWhere: elements of one of two quantized tensors. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class QuantizedWhere : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        ElementType type = QuantizedTensors.Type(context, 1);
        Value chosen = QuantizedTensors.Quantize(context, QuantizedTensors.Dequantize(context, 1, 2, 3), 7, 8, type);
        Value other = QuantizedTensors.Quantize(context, QuantizedTensors.Dequantize(context, 4, 5, 6), 7, 8, type);
        context.SetOutput(0, context.Add("Where", [context.Input(0), chosen, other]));
    }
}
