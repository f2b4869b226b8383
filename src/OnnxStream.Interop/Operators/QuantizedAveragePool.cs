using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.QLinearAveragePool and QLinearGlobalAveragePool: averages of a quantized tensor. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isGlobal">Whether there is one window: the whole input.</param>
internal sealed class QuantizedAveragePool(bool isGlobal) : FunctionOperator
{
    private const string ChannelsLast = "channels_last";

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        ElementType type = QuantizedTensors.Type(context, 0);
        if (context.InputShape(0).Rank < 3)
        {
            throw context.Invalid("the input must have at least three dimensions");
        }

        bool isTurned = context.Attributes.Int(ChannelsLast, 0) != 0;
        Value result = isGlobal ? Whole(context, type, isTurned) : Windows(context, type, isTurned);
        context.SetOutput(0, result);
    }

    // The sum is exact; the average and the scales are one factor.
    private static Value Whole(FunctionContext context, ElementType type, bool isTurned)
    {
        Shape shape = context.InputShape(0);
        int first = isTurned ? 1 : 2;
        long count = shape.Product(first, first + shape.Rank - 2);
        Value axes = context.Integers([.. Enumerable.Range(first, shape.Rank - 2).Select(axis => (long)axis)]);
        Value sum = context.Add("ReduceSum", [context.Cast(context.Input(0), ElementType.Int32), axes], ("keepdims", 1));
        Value zeros = context.Cast(context.Add("Mul", [QuantizedTensors.Zero(context, 2, type), context.Number(ElementType.Float32, count)]), ElementType.Int32);
        Value steps = context.Add("Mul", [QuantizedTensors.Single(context, 3), context.Number(ElementType.Float32, count)]);
        Value factor = context.Add("Div", [QuantizedTensors.Single(context, 1), steps]);
        Value scaled = context.Add("Mul", [context.Cast(context.Add("Sub", [sum, zeros]), ElementType.Float32), factor]);
        return QuantizedTensors.Saturate(context, context.Add("Add", [context.Add("Round", [scaled]), QuantizedTensors.Zero(context, 4, type)]), type);
    }

    // Sums and averages of integers, in double precision: what lies in the middle between two results is seen as that.
    private static Value Windows(FunctionContext context, ElementType type, bool isTurned)
    {
        Value numbers = context.Cast(context.Add("Sub", [context.Cast(context.Input(0), ElementType.Float32), QuantizedTensors.Zero(context, 2, type)]), ElementType.Float64);
        numbers = isTurned ? ChannelsLastOperator.ToFirst(context, numbers) : numbers;
        Dictionary<string, object> attributes = context.Attributes.All.Where(pair => pair.Key != ChannelsLast).ToDictionary(pair => pair.Key, pair => pair.Value);
        if (context.Attributes.Int("ceil_mode", 0) != 0 && context.Attributes.Int("count_include_pad", 0) != 0)
        {
            CountOverhang(context, numbers.Type!.Value.Shape.Dimensions[2..].ToArray(), attributes);
        }

        Value average = context.Add("AveragePool", [numbers], [.. attributes.Select(pair => (pair.Key, pair.Value))]);
        Value real = context.Add("Mul", [average, context.Cast(QuantizedTensors.Single(context, 1), ElementType.Float64)]);
        Value scaled = context.Add("Div", [real, context.Cast(QuantizedTensors.Single(context, 3), ElementType.Float64)]);
        Value result = QuantizedTensors.Saturate(context, context.Add("Add", [scaled, context.Cast(QuantizedTensors.Zero(context, 4, type), ElementType.Float64)]), type);
        return isTurned ? ChannelsLastOperator.ToLast(context, result) : result;
    }

    // What a window reaches behind the padding counts in ONNX Runtime's operator, but not in AveragePool: it becomes padding.
    private static void CountOverhang(FunctionContext context, long[] input, Dictionary<string, object> attributes)
    {
        if (context.Attributes.Ints("kernel_shape") is not { } kernel || kernel.Length != input.Length)
        {
            throw context.Invalid($"attribute 'kernel_shape' must have {input.Length} elements");
        }

        SpatialAttributes spatial = SpatialAttributes.Parse(context, kernel, input);
        long[] pads = new long[2 * input.Length];
        for (int i = 0; i < input.Length; i++)
        {
            long last = (spatial.OutputSize(context, i, input[i], roundUp: true) - 1) * spatial.Strides[i] - spatial.PadsBegin[i];
            pads[i] = spatial.PadsBegin[i];
            pads[input.Length + i] = Math.Max(spatial.PadsEnd[i], last + spatial.Kernel[i] - input[i]);
        }

        attributes["pads"] = pads;
        attributes["auto_pad"] = "NOTSET";
        attributes["ceil_mode"] = 0L;
    }
}
