using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.DynamicQuantizeLSTM: an LSTM with weights of 8 bits, whose inputs and states are quantized by the range of their numbers. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>All inputs are quantized together, the states of a time step too, as ONNX Runtime does on one thread. Weights are widened in each run, as a whole.</remarks>
internal sealed class QuantizedLstm : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Value[] quantized = context.AddMany("DynamicQuantizeLinear", 3, [context.Input(0)]);
        Value input = context.Add("DequantizeLinear", [quantized[0], quantized[1], quantized[2]]);
        (string, object)[] attributes = [.. context.Attributes.All.Select(pair => (pair.Key, pair.Value))];
        Value?[] inputs = [input, Weight(1, 8, 9), Weight(2, 10, 11), .. Enumerable.Range(3, 5).Select(context.OptionalInput)];
        Value[] outputs = context.AddMany("LSTM", 3, inputs, new QuantizedStateFusion(), attributes);
        for (int i = 0; i < outputs.Length; i++)
        {
            context.SetOutput(i, outputs[i]);
        }

        // [directions, inputs, gates] with a scale for each direction, or each direction and gate, as LSTM's [directions, gates, inputs].
        Value Weight(int index, int scale, int zero)
        {
            ElementType type = QuantizedTensors.Type(context, index);
            Shape shape = context.InputShape(index);
            if (shape.Rank != 3 || context.InputElementType(zero) != type)
            {
                throw context.Invalid($"input {index} must have three dimensions and zero points of its type, it is {context.InputType(index)} with {context.InputType(zero)}");
            }

            Value shifted = context.Add("Sub", [context.Cast(context.Input(index), ElementType.Float32), context.Cast(PerGate(zero), ElementType.Float32)]);
            return context.Transpose(context.Add("Mul", [shifted, PerGate(scale)]), 0, 2, 1);

            Value PerGate(int parameter)
            {
                Shape given = context.InputShape(parameter);
                return given == new Shape(shape[0]) || given == new Shape(shape[0], shape[2])
                    ? context.Reshape(context.Input(parameter), shape[0], 1, given.Rank == 1 ? 1 : shape[2])
                    : throw context.Invalid($"input {parameter} must be [{shape[0]}] or [{shape[0]}, {shape[2]}], it is {given}");
            }
        }
    }
}
