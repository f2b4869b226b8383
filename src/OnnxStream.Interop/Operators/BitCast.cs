using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>Takes the bits of the elements for elements of another type of the same size. https://onnx.ai/onnx/operators/onnx__BitCast.html (opset 26).</summary>
/// <remarks>
/// Nothing is copied, except where elements of 4 or 2 bits become signed or cease to be: each lies in a byte of its own, which has its sign.
/// Whatever a byte holds that is taken for a truth value, it is false if it is 0, and true otherwise.
/// </remarks>
internal sealed class BitCast : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType from = context.InputElementType(0);
        ElementType to = (ElementType)context.Attributes.Int("to", 0);
        if (to.SizeOf() == 0 || Bits(to) != Bits(from))
        {
            throw context.Invalid($"attribute 'to' is {(long)to}{(to.SizeOf() > 0 ? $" ({to.ToOnnxName()})" : "")}, but {from.ToOnnxName()} has {Bits(from)} bits, and bits can only be taken for a type of as many");
        }

        context.SetOutput(0, to, context.InputShape(0));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (ElementType from, ElementType to) = (context.InputElementType(0), (ElementType)context.Attributes.Int("to", 0));
        if (Bits(to) == 8 * to.SizeOf() || from.HeldAs() == to.HeldAs())
        {
            context.View(0, context.Input(0));
        }
        else if (context.InputShape(0).ElementCount > 0)
        {
            context.Emit(new NarrowBitsKernel(context.InputShape(0).ElementCount, Bits(to), to.HeldAs() == ElementType.Int8), [context.Input(0)], [context.Output(0)]);
        }
    }

    private static int Bits(ElementType type) => 8 * type.SizeOf() / type.PerByte();
}
