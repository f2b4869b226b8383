using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.QLinearSoftmax: the softmax of a quantized tensor. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>
/// The attribute <c>opset</c> says which ONNX operator set the softmax is of: before 13, all dimensions from <c>axis</c> on are one. As in ONNX Runtime,
/// the result is a multiple of 1 / floor(1 / scale), and <c>axis</c> is the last one in all sets if it is left out.
/// </remarks>
internal sealed class QuantizedSoftmax : FunctionOperator
{
    private const long FirstSetWithOneAxis = 13;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        ElementType type = QuantizedTensors.Type(context, 0);
        Shape shape = context.InputShape(0);
        bool hasOneAxis = context.Attributes.Int("opset", 0) >= FirstSetWithOneAxis;
        int axis = context.Axis(context.Attributes.Int("axis", -1), shape.Rank);

        // A zero point shifts all numbers and changes nothing. In single precision, products of large steps would be too coarse.
        Value numbers = context.Add("Mul", [context.Cast(context.Input(0), ElementType.Float64), context.Cast(QuantizedTensors.Single(context, 1), ElementType.Float64)]);
        Value parts = hasOneAxis
            ? context.Add("Softmax", [numbers], ("axis", axis))
            : context.Reshape(context.Add("Softmax", [context.Reshape(numbers, shape.Product(0, axis), shape.Product(axis, shape.Rank))], ("axis", 1)), shape.Dimensions);
        Value steps = context.Add("Floor", [context.Add("Div", [context.Number(ElementType.Float32, 1), QuantizedTensors.Single(context, 3)])]);
        Value rounded = context.Add("Round", [context.Add("Mul", [parts, context.Cast(steps, ElementType.Float64)])]);
        Value shifted = context.Add("Add", [rounded, context.Cast(QuantizedTensors.Zero(context, 4, type), ElementType.Float64)]);
        context.SetOutput(0, QuantizedTensors.Saturate(context, shifted, type));
    }
}
