namespace OnnxStream.Interop.Operators;

/// <summary>Converts elements to the type of another tensor. https://onnx.ai/onnx/operators/onnx__CastLike.html (opset 19 and 24 added types and the attributes of <see cref="Cast"/>).</summary>
internal sealed class CastLike : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context) => Cast.Infer(context, context.InputElementType(1));

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => Cast.Emit(context, context.Input(0), 0);
}
