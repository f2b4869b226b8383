using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.GroupNorm and SkipGroupNorm: group normalisation, of a sum where one is given, and SiLU. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="hasSkip">Whether a second tensor, and maybe a bias of channels, is added first.</param>
internal sealed class GroupNorm(bool hasSkip) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        bool isLast = context.Attributes.Int("channels_last", 1) != 0;
        long activation = context.Attributes.Int("activation", 0);
        Value sum = context.Input(0);
        Shape shape = context.InputShape(0);
        if (shape.Rank < 3 || activation is not (0 or 1))
        {
            throw context.Invalid($"{shape} must have at least three dimensions, and activation {activation} must be 0 or 1");
        }

        if (hasSkip)
        {
            Shape skip = context.InputShape(3);
            long[] channels = new long[shape.Rank];
            Array.Fill(channels, 1);
            channels[isLast ? ^1 : 1] = shape[isLast ? ^1 : 1];
            sum = context.Add("Add", [sum, skip.Rank == 2 ? context.Reshape(context.Input(3), [skip[0], .. channels[1..]]) : context.Input(3)]);
            sum = context.OptionalInput(4) is { } bias ? context.Add("Add", [sum, context.Reshape(bias, channels)]) : sum;
            if (sum.Type!.Value.Shape != shape)
            {
                throw context.Invalid($"a tensor {skip} cannot be added to {shape}");
            }
        }

        // The scales may be of a wider type.
        ElementType type = context.InputElementType(1);
        Value numbers = context.Cast(isLast ? ChannelsLastOperator.ToFirst(context, sum) : sum, type);
        Value result = context.Add("GroupNormalization", [numbers, context.Input(1), context.Input(2)], ("num_groups", context.Attributes.Int("groups", 1)), ("epsilon", context.Attributes.Float("epsilon", 1e-5f)));
        result = activation == 1 ? context.Add("Swish", [result]) : result;
        result = context.Cast(result, context.InputElementType(0));
        context.SetOutput(0, isLast ? ChannelsLastOperator.ToLast(context, result) : result);
        context.SetOutput(1, sum);
    }
}
