using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>What operators on quantized tensors share: 8-bit integers with a scale and a zero point as real numbers, and back.</summary>
internal static class QuantizedTensors
{
    /// <summary>The element type of a quantized input.</summary>
    /// <exception cref="InvalidGraphException">It is neither uint8 nor int8.</exception>
    public static ElementType Type(FunctionContext context, int index) =>
        context.InputElementType(index) is (ElementType.UInt8 or ElementType.Int8) and var type ? type : throw context.Invalid($"input {index} must be uint8 or int8");

    /// <summary>A scale or a zero point of a whole tensor, as a scalar.</summary>
    /// <exception cref="InvalidGraphException">It is missing, or has more than one element.</exception>
    public static Value Single(FunctionContext context, int index) =>
        context.InputShape(index) is { ElementCount: 1 } shape
            ? shape.Rank == 0 ? context.Input(index) : context.Reshape(context.Input(index))
            : throw context.Invalid($"input {index} must be a single number, it is {context.InputType(index)}");

    /// <summary>As <see cref="Single"/>; null if it is left out.</summary>
    public static Value? OptionalSingle(FunctionContext context, int index) => context.HasInput(index) ? Single(context, index) : null;

    /// <summary>A zero point in single precision; 0 if it is left out.</summary>
    /// <exception cref="InvalidGraphException">It has another type than the tensor that it belongs to.</exception>
    public static Value Zero(FunctionContext context, int index, ElementType type) =>
        !context.HasInput(index) ? context.Number(ElementType.Float32, 0) :
        context.InputElementType(index) == type ? context.Cast(Single(context, index), ElementType.Float32) :
        throw context.Invalid($"input {index} must be {type.ToOnnxName()}, as the tensor that it belongs to");

    /// <summary>The real numbers of a quantized input: (x - zero) * scale.</summary>
    public static Value Dequantize(FunctionContext context, int index, int scale, int zero)
    {
        _ = Type(context, index);
        return context.Add("DequantizeLinear", [context.Input(index), Single(context, scale), OptionalSingle(context, zero)]);
    }

    /// <summary>Real numbers as quantized ones: x / scale, rounded to even, and the zero point, saturated.</summary>
    public static Value Quantize(FunctionContext context, Value numbers, int scale, int zero, ElementType type)
    {
        if (context.HasInput(zero) && context.InputElementType(zero) != type)
        {
            throw context.Invalid($"input {zero} must be {type.ToOnnxName()}");
        }

        return context.HasInput(zero)
            ? context.Add("QuantizeLinear", [numbers, Single(context, scale), Single(context, zero)])
            : context.Add("QuantizeLinear", [numbers, Single(context, scale)], ("output_dtype", (long)type));
    }

    /// <summary>A constant bias that counts in steps of the scales of data and weight, as real numbers; null where it, or a scale, is computed at run time.</summary>
    /// <param name="context">The operator.</param>
    /// <param name="bias">The bias: int32, one for each output channel.</param>
    /// <param name="operands">What has the scales.</param>
    public static Value? TryRealBias(FunctionContext context, Value bias, QuantizedOperands operands)
    {
        if (bias.Constant is null || bias.Type!.Value is not { ElementType: ElementType.Int32, Shape.Rank: 1 } || operands.Scale is { Constant: null })
        {
            return null;
        }

        // In double precision, which holds any of them.
        Value real = context.Cast(bias, ElementType.Float64);
        foreach (Value? scale in new[] { operands.Scale, operands.WeightScale })
        {
            if (scale is not null)
            {
                real = context.Add("Mul", [real, context.Cast(scale.Type!.Value.Shape.ElementCount == 1 ? context.Reshape(scale) : scale, ElementType.Float64)]);
            }
        }

        real = context.Cast(real, ElementType.Float32);
        return real.Constant is not null && real.Type!.Value.Shape == bias.Type.Value.Shape ? real : null;
    }

    /// <summary>Reals that are integers but for their fraction, rounded to even and saturated.</summary>
    public static Value Saturate(FunctionContext context, Value numbers, ElementType type)
    {
        ElementType real = numbers.Type!.Value.ElementType;
        (double low, double high) = type == ElementType.UInt8 ? (0, 255) : (-128, 127);
        return context.Cast(context.Add("Clip", [context.Add("Round", [numbers]), context.Number(real, low), context.Number(real, high)]), type);
    }
}
