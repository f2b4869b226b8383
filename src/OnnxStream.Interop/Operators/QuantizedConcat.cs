using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.QLinearConcat: quantized tensors, each with its scale and zero point, one behind another. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class QuantizedConcat : FunctionOperator
{
    private const int FirstTensor = 2;
    private const int InputsPerTensor = 3;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.InputCount < FirstTensor + InputsPerTensor || (context.InputCount - FirstTensor) % InputsPerTensor != 0)
        {
            throw context.Invalid($"behind the scale and zero point of the output, there must be a tensor, its scale and its zero point, and so on; there are {context.InputCount} inputs");
        }

        ElementType type = QuantizedTensors.Type(context, 1);
        List<Value> parts = [];
        for (int index = FirstTensor; index < context.InputCount; index += InputsPerTensor)
        {
            if (context.InputElementType(index) != type)
            {
                throw context.Invalid($"input {index} must be {type.ToOnnxName()}, as the zero point of the output");
            }

            parts.Add(QuantizedTensors.Quantize(context, QuantizedTensors.Dequantize(context, index, index + 1, index + 2), 0, 1, type));
        }

        context.SetOutput(0, context.Add("Concat", [.. parts], ("axis", context.Attributes.Int("axis", 0))));
    }
}
