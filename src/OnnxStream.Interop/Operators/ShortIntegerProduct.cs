namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.MatMulInteger16: products of 16-bit integers, summed in 32 bits. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
internal sealed class ShortIntegerProduct : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.InputElementType(0) is not (ElementType.Int16 or ElementType.UInt16) || context.InputElementType(1) is not (ElementType.Int16 or ElementType.UInt16))
        {
            throw context.Invalid("both inputs must be int16 or uint16");
        }

        ElementType sum = context.InputElementType(0) == ElementType.UInt16 && context.InputElementType(1) == ElementType.UInt16 ? ElementType.UInt32 : ElementType.Int32;
        context.SetOutput(0, context.Add("MatMul", [context.Cast(context.Input(0), sum), context.Cast(context.Input(1), sum)]));
    }
}
