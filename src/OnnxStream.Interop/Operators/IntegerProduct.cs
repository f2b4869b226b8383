using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>MatMulInteger, ConvInteger, QLinearMatMul, QLinearConv: products of 8-bit integers, summed exactly; QLinearMatMul also of 8-bit floats. https://onnx.ai/onnx/operators/onnx__QLinearConv.html</summary>
/// <param name="isConvolution">Whether it is a convolution instead of a matrix product.</param>
/// <param name="isQuantized">Whether the sums are scaled to 8 bits (QLinear…) instead of given as int32.</param>
/// <remarks>
/// Opset 10; QLinearMatMul 21 added 8-bit floats, which are multiplied in double precision, and types of the scales. Matrices may have a zero point and a scale for each row on the left and each
/// column on the right, convolutions for each output channel of the weight. Sums of a convolution are computed in floating point that holds all of
/// them exactly: single precision for up to 258 products, double precision for more. The factor of the scales is a double.
/// </remarks>
internal sealed class IntegerProduct(bool isConvolution, bool isQuantized) : FunctionOperator
{
    // 258 products of two 8-bit integers, with their zero points taken away, stay below 2^24.
    private const long SinglePrecisionProducts = 258;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        (int right, int leftZero, int rightZero) = isQuantized ? (3, 2, 5) : (1, 2, 3);
        foreach (int index in new[] { 0, right })
        {
            if (!IsQuantized(context, index))
            {
                throw context.Invalid($"input {index} must be uint8 or int8{(isQuantized && !isConvolution ? ", or an 8-bit float" : "")}");
            }
        }

        if (TryKernel(context, right, leftZero, rightZero) is { } result)
        {
            context.SetOutput(0, result);
            return;
        }

        Value sums = isConvolution ? Convolve(context, right, leftZero, rightZero) : Multiply(context, right, leftZero, rightZero);
        context.SetOutput(0, isQuantized ? Quantize(context, sums) : sums);
    }

    // The product as one node, where there is a kernel for it.
    private Value? TryKernel(FunctionContext context, int right, int leftZero, int rightZero)
    {
        QuantizedProductFusion fusion = new(isQuantized ? context.InputElementType(7) : ElementType.Int32) { IsConvolution = isConvolution };
        QuantizedOperands operands = new(context.Input(0), context.Input(right)) { Zero = context.OptionalInput(leftZero), WeightZero = context.OptionalInput(rightZero) };
        operands = isQuantized ? operands with { Scale = context.Input(1), WeightScale = context.Input(4), ResultScale = context.Input(6), ResultZero = context.Input(7) } : operands;
        long groups = isConvolution ? context.Attributes.Int("group", 1) : 1;
        if (fusion.Result is not (ElementType.Int32 or ElementType.UInt8 or ElementType.Int8) || !QuantizedProduct.Takes(operands, fusion, groups))
        {
            return null;
        }

        if (isQuantized && isConvolution && context.OptionalInput(8) is { } bias)
        {
            if (QuantizedTensors.TryRealBias(context, bias, operands) is not { } real)
            {
                return null;
            }

            operands = operands with { Bias = real };
        }

        return context.Add(operands, fusion, keepsAttributes: isConvolution);
    }

    private bool IsQuantized(NodeContext context, int index) =>
        context.InputElementType(index) is ElementType.UInt8 or ElementType.Int8 ||
        (isQuantized && !isConvolution && context.InputElementType(index) is ElementType.Float8E4M3FN or ElementType.Float8E4M3FNUZ or ElementType.Float8E5M2 or ElementType.Float8E5M2FNUZ);

    private static Value Multiply(FunctionContext context, int right, int leftZero, int rightZero)
    {
        ElementType exact = context.InputElementType(0).IsNarrow() || context.InputElementType(right).IsNarrow() ? ElementType.Float64 : ElementType.Int32;
        Value Shifted(int index, int zero, bool isRow)
        {
            Value numbers = context.Cast(context.Input(index), exact);
            return context.OptionalInput(zero) is { } point ? context.Add("Sub", [numbers, context.Cast(PerRow(context, point, isRow), exact)]) : numbers;
        }

        return context.Add("MatMul", [Shifted(0, leftZero, isRow: true), Shifted(right, rightZero, isRow: false)]);
    }

    // A vector on the left has an element for each row.
    private static Value PerRow(FunctionContext context, Value value, bool isRow) =>
        isRow && value.Type!.Value.Shape is { Rank: 1 } shape && shape[0] > 1 ? context.Reshape(value, shape[0], 1) : value;

    private static Value Convolve(FunctionContext context, int right, int leftZero, int rightZero)
    {
        Shape weight = context.InputShape(right);
        if (weight.Rank < 3)
        {
            throw context.Invalid("the weight of a convolution has at least three dimensions");
        }

        ElementType exact = weight.Product(1, weight.Rank) <= SinglePrecisionProducts ? ElementType.Float32 : ElementType.Float64;
        Value Shifted(int index, int zero)
        {
            Value numbers = context.Cast(context.Input(index), exact);
            return context.OptionalInput(zero) is { } point ? context.Add("Sub", [numbers, PerChannel(context, context.Cast(point, exact), weight.Rank - 1)]) : numbers;
        }

        (string, object)[] attributes = [.. context.Attributes.All.Select(pair => (pair.Key, pair.Value))];
        return context.Cast(context.Add("Conv", [Shifted(0, leftZero), Shifted(right, rightZero)], attributes), ElementType.Int32);
    }

    // A vector has an element for each channel; "after" dimensions follow.
    private static Value PerChannel(FunctionContext context, Value value, int after) =>
        value.Type!.Value.Shape is { Rank: 1 } shape && shape[0] > 1 ? context.Reshape(value, [shape[0], .. Enumerable.Repeat(1L, after)]) : value;

    private Value Quantize(FunctionContext context, Value sums)
    {
        ElementType type = context.InputElementType(7);
        if (!IsQuantized(context, 7))
        {
            throw context.Invalid($"the zero point of the output must be uint8 or int8{(isConvolution ? "" : ", or an 8-bit float")}");
        }

        if (isConvolution && context.OptionalInput(8) is { } bias)
        {
            sums = context.Add("Add", [sums, PerChannel(context, bias, sums.Type!.Value.Shape.Rank - 2)]);
        }

        Value Wide(int index) => context.Cast(context.Input(index), ElementType.Float64);
        Value left = isConvolution ? Wide(1) : PerRow(context, Wide(1), isRow: true);
        Value right = isConvolution ? PerChannel(context, Wide(4), sums.Type!.Value.Shape.Rank - 2) : Wide(4);
        Value factor = context.Add("Div", [context.Add("Mul", [left, right]), Wide(6)]);
        Value scaled = context.Add("Mul", [context.Cast(sums, ElementType.Float64), factor]);
        if (type.IsNarrow())
        {
            return context.Cast(context.Add("Add", [scaled, Wide(7)]), type);
        }

        Value shifted = context.Add("Add", [context.Add("Round", [scaled]), Wide(7)]);
        (double low, double high) = type == ElementType.UInt8 ? (0, 255) : (-128, 127);
        return context.Cast(context.Add("Clip", [shifted, context.Number(ElementType.Float64, low), context.Number(ElementType.Float64, high)]), type);
    }
}
