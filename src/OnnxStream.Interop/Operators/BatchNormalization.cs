using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Normalises channels with given means and variances. https://onnx.ai/onnx/operators/onnx__BatchNormalization.html</summary>
/// <param name="channelsLast">Whether data is a single-precision [N,H,W,C], as rewrites make it, instead of ONNX's [N,C,…].</param>
/// <remarks>
/// In training (opset 14 and later) mean and variance are those of the data, and come out mixed with the given ones. Opset 7 knows statistics for each element (<c>spatial</c> = 0), 14 has <c>training_mode</c>, 15
/// statistics of another type than the data.
/// </remarks>
internal sealed class BatchNormalization(bool channelsLast = false) : Operator
{
    /// <inheritdoc/>
    public override bool CanOverwriteInput => true;

    /// <inheritdoc/>
    public override bool CanWriteStripe(Node node) => channelsLast;

    /// <inheritdoc/>
    public override bool CanReadStripe(Node node, int input) => channelsLast && input == 0;

    /// <inheritdoc/>
    public override bool IsFunction(NodeContext context) => context.OperatorSet >= 14 && context.Attributes.Int("training_mode", 0) != 0;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape input = context.InputShape(0);
        if (input.Rank < 2)
        {
            throw context.Invalid("the input must have at least two dimensions");
        }

        long[] axes = [.. Enumerable.Range(0, input.Rank).Where(axis => axis != 1).Select(axis => (long)axis)];
        Value mean = context.Add("ReduceMean", [context.Input(0), context.Integers(axes)]);
        Value difference = context.Add("Sub", [context.Input(0), mean]);
        Value variance = context.Add("ReduceMean", [context.Add("Mul", [difference, difference]), context.Integers(axes)], ("keepdims", 0));
        mean = context.Reshape(mean, input[1]);
        ElementType type = context.InputElementType(3);
        context.SetOutput(0, context.Add(
            "BatchNormalization", [context.Input(0), context.Input(1), context.Input(2), context.Cast(mean, type), context.Cast(variance, type)], ("epsilon", context.Attributes.Float("epsilon", 1e-5f))));
        double momentum = context.Attributes.Float("momentum", 0.9f);
        context.SetOutput(1, Mixed(context.Input(3), mean));
        context.SetOutput(2, Mixed(context.Input(4), variance));

        Value Mixed(Value before, Value now) => context.Add(
            "Add", [context.Add("Mul", [before, context.Number(type, momentum)]), context.Add("Mul", [context.Cast(now, type), context.Number(type, 1 - momentum)])]);
    }

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        Shape input = context.InputShape(0);
        if (input.Rank < 2)
        {
            throw context.Invalid("the input must have at least two dimensions");
        }

        if (context.Attributes.Int("training_mode", 0) != 0 || (context.OperatorSet < 7 && context.Attributes.Int("is_test", 0) == 0 && context.HasOutput(1)))
        {
            throw context.Unsupported("training");
        }

        long channels = Channels(context);
        for (int i = 1; i <= 4; i++)
        {
            if (context.InputShape(i).ElementCount != channels)
            {
                throw context.Invalid($"scale, bias, mean and variance must have {channels} elements");
            }
        }

        if (context.InputElementType(1) != context.InputElementType(2) || context.InputElementType(3) != context.InputElementType(4))
        {
            throw context.Invalid("scale and bias must be of one type, mean and variance too");
        }

        context.SetOutput(0, context.InputElementType(0), input);
        for (int i = 1; i < context.OutputCount; i++)
        {
            // The other outputs are made by training only.
            if (context.HasOutput(i))
            {
                throw context.Unsupported("training");
            }
        }
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        Shape input = context.InputShape(0);
        long channels = Channels(context);
        long length = IsSpatial(context) ? input.Product(2, input.Rank) : 1;
        long rows = input[0] * channels;
        double epsilon = context.Attributes.Float("epsilon", 1e-5f);
        if (channelsLast)
        {
            PlanTensor rowsOfChannels = context.Input(0);
            ResultLimits limits = (context.Node.Fusion as ClampFusion)?.Limits ?? ResultLimits.None;
            context.Emit(
                new ChannelsLastBatchNormalizationKernel(input.ElementCount / Math.Max(1, channels), channels, epsilon, rowsOfChannels.RowStride, context.Output(0).RowStride)
                {
                    Low = limits.Low,
                    High = limits.High,
                },
                [rowsOfChannels, context.Input(1), context.Input(2), context.Input(3), context.Input(4)], [context.Output(0)]);
            return;
        }

        // Types that are not combined below meet in a wider one.
        PlanTensor[] parameters = [context.Input(1), context.Input(2), context.Input(3), context.Input(4)];
        ElementType data = context.InputElementType(0);
        if (!IsCombined(data, parameters[0].ElementType, parameters[2].ElementType))
        {
            bool isDouble = data == ElementType.Float64 || (data != ElementType.Float16 && parameters.Any(parameter => parameter.ElementType == ElementType.Float64));
            parameters = Array.ConvertAll(parameters, parameter => Cast.Emit(context, parameter, isDouble ? ElementType.Float64 : ElementType.Float32));
        }

        Kernel kernel = (data, parameters[0].ElementType, parameters[2].ElementType) switch
        {
            (ElementType.Float32, ElementType.Float32, ElementType.Float32) => new BatchNormalizationKernel<float, float, float, float>(rows, length, channels, epsilon),
            (ElementType.Float64, ElementType.Float64, ElementType.Float64) => new BatchNormalizationKernel<double, double, double, double>(rows, length, channels, epsilon),
            (ElementType.Float16, ElementType.Float16, ElementType.Float16) => new BatchNormalizationKernel<Half, Half, Half, float>(rows, length, channels, epsilon),
            (ElementType.Float16, ElementType.Float16, ElementType.Float32) => new BatchNormalizationKernel<Half, Half, float, float>(rows, length, channels, epsilon),
            (ElementType.Float16, ElementType.Float32, ElementType.Float32) => new BatchNormalizationKernel<Half, float, float, float>(rows, length, channels, epsilon),
            (ElementType.Float32, ElementType.Float32, ElementType.Float64) => new BatchNormalizationKernel<float, float, double, float>(rows, length, channels, epsilon),
            (ElementType.Float32, ElementType.Float64, ElementType.Float64) => new BatchNormalizationKernel<float, double, double, float>(rows, length, channels, epsilon),
            var types => throw context.Unsupported($"the combination of {types.Item1.ToOnnxName()}, {types.Item2.ToOnnxName()} and {types.Item3.ToOnnxName()}"),
        };
        context.Emit(kernel, [context.Input(0), .. parameters], [context.Output(0)]);
    }

    private static bool IsCombined(ElementType data, ElementType parameter, ElementType statistic) =>
        (data == parameter && data == statistic) ||
        (data, parameter, statistic) is (ElementType.Float16, ElementType.Float16 or ElementType.Float32, ElementType.Float32) or (ElementType.Float32, ElementType.Float32 or ElementType.Float64, ElementType.Float64);

    private static bool IsSpatial(NodeContext context) => context.OperatorSet >= 9 || context.Attributes.Int("spatial", 1) != 0;

    private long Channels(NodeContext context)
    {
        Shape input = context.InputShape(0);
        return channelsLast ? input[input.Rank - 1] : IsSpatial(context) ? input[1] : input.Product(1, input.Rank);
    }
}
