using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.MatMulIntegerToFloat and DynamicQuantizeMatMul: the real product of matrices of 8-bit integers. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isDynamic">Whether the left matrix is real, and is quantized by the range of its numbers first.</param>
/// <remarks>The right matrix has one scale and zero point, or one for each column.</remarks>
internal sealed class QuantizedMatMul(bool isDynamic) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (isDynamic)
        {
            Value[] quantized = context.AddMany("DynamicQuantizeLinear", 3, [context.Input(0)]);
            context.SetOutput(0, Multiply(context, quantized[0], quantized[1], quantized[2], 2, 3, 4));
            return;
        }

        _ = QuantizedTensors.Type(context, 0);
        context.SetOutput(0, Multiply(context, context.Input(0), context.Input(2), context.OptionalInput(4), 3, 5, 6));
    }

    /// <summary>The product of a quantized tensor and input 1, with a bias.</summary>
    /// <param name="context">The operator.</param>
    /// <param name="left">The left matrices, of uint8 or int8.</param>
    /// <param name="leftScale">Their scale.</param>
    /// <param name="leftZero">Their zero point; null for 0.</param>
    /// <param name="scale">The index of the scales of input 1.</param>
    /// <param name="zero">The index of its zero points, which may be left out.</param>
    /// <param name="bias">The index of the bias, which may be left out.</param>
    public static Value Multiply(FunctionContext context, Value left, Value leftScale, Value? leftZero, int scale, int zero, int bias)
    {
        ElementType type = QuantizedTensors.Type(context, 1);
        if (context.HasInput(zero) && context.InputElementType(zero) != type)
        {
            throw context.Invalid($"input {zero} must be {type.ToOnnxName()}, as input 1");
        }

        if (leftZero is not null && leftZero.Type!.Value.ElementType != left.Type!.Value.ElementType)
        {
            throw context.Invalid($"the zero point must be {left.Type.Value.ElementType.ToOnnxName()}, as the tensor that it belongs to");
        }

        QuantizedOperands operands = new(left, context.Input(1)) { Scale = leftScale, Zero = leftZero, WeightScale = context.Input(scale), WeightZero = context.OptionalInput(zero) };
        QuantizedProductFusion fusion = new(ElementType.Float32);
        if (QuantizedProduct.Takes(operands, fusion))
        {
            QuantizedOperands biased = operands with { Bias = context.OptionalInput(bias) };
            return biased.Bias is null || QuantizedProduct.Takes(biased, fusion) ? context.Add(biased, fusion) : context.Add("Add", [context.Add(operands, fusion), biased.Bias]);
        }

        Value sums = context.Add("MatMul", [Shifted(left, leftZero), Shifted(context.Input(1), context.OptionalInput(zero))]);
        Value factor = context.Add("Mul", [leftScale, context.Input(scale)]);
        ElementType real = factor.Type!.Value.ElementType;
        Value product = context.Add("Mul", [context.Cast(sums, real), factor]);
        if (product.Type!.Value.Shape != sums.Type!.Value.Shape)
        {
            throw context.Invalid($"scales {leftScale.Type} and {context.InputType(scale)} do not fit a product of {sums.Type.Value.Shape}");
        }

        return context.OptionalInput(bias) is { } added ? context.Add("Add", [product, added]) : product;

        Value Shifted(Value integers, Value? point)
        {
            Value wide = context.Cast(integers, ElementType.Int32);
            return point is null ? wide : context.Add("Sub", [wide, context.Cast(point, ElementType.Int32)]);
        }
    }
}
