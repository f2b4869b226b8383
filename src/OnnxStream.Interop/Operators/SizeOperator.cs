using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>Size: the number of elements. https://onnx.ai/onnx/operators/onnx__Size.html (opsets 13 and later only added types). Known when planning.</summary>
internal sealed class SizeOperator : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context) => context.SetConstantOutput(0, Constant.Of(Shape.Scalar, context.InputShape(0).ElementCount));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => throw new InvalidOperationException("A size is not computed.");
}
