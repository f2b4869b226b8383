using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Shape: the dimensions of a tensor. https://onnx.ai/onnx/operators/onnx__Shape.html</summary>
/// <remarks>Opset 15 added <c>start</c> and <c>end</c>; later ones only added types. Known when planning.</remarks>
internal sealed class ShapeOperator : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        int start = Clamp(context.Attributes.Int("start", 0), input.Rank);
        int end = Clamp(context.Attributes.Int("end", input.Rank), input.Rank);
        ReadOnlySpan<long> dimensions = start < end ? input.Dimensions[start..end] : [];
        context.SetConstantOutput(0, Constant.Of(new Shape(dimensions.Length), dimensions));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => throw new InvalidOperationException("A shape is not computed.");

    private static int Clamp(long index, int rank) => (int)Math.Clamp(index < 0 ? index + rank : index, 0, rank);
}
