namespace OnnxStream.Interop.Operators;

/// <summary>Takes the bits of the elements for elements of another type of the same size. https://onnx.ai/onnx/operators/onnx__BitCast.html (opset 26).</summary>
/// <remarks>Nothing is copied. Whatever a byte holds that is taken for a truth value, it is false if it is 0, and true otherwise.</remarks>
internal sealed class BitCast : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType from = context.InputElementType(0);
        ElementType to = (ElementType)context.Attributes.Int("to", 0);
        if (to.SizeOf() != from.SizeOf())
        {
            throw context.Invalid($"attribute 'to' is {(long)to}{(to.SizeOf() > 0 ? $" ({to.ToOnnxName()})" : "")}, but {from.ToOnnxName()} has {8 * from.SizeOf()} bits, and bits can only be taken for a type of as many");
        }

        context.SetOutput(0, to, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => context.View(0, context.Input(0));
}
