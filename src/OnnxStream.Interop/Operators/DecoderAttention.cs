using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.DecoderMaskedMultiHeadAttention: attention of one token to a cache that it is written into, or to keys and values that are given. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>The number of tokens in the cache must be known when planning. Beams, whose cache ONNX Runtime's own search rearranges, are not supported.</remarks>
internal sealed class DecoderAttention : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long heads = context.Attributes.Int("num_heads", 0);
        Shape shape = context.InputShape(0);
        if (heads < 1 || shape.Rank != 3 || shape[1] != 1)
        {
            throw context.Invalid($"queries {shape} must be [batch, 1, size] of {heads} heads");
        }

        if (context.HasInput(9) || (context.HasInput(8) && context.RequireInteger(8) != 1))
        {
            throw context.Unsupported("a cache of beams");
        }

        ElementType type = context.InputElementType(0);
        bool isCross = !context.HasInput(5);
        (Value query, Value? newKey, Value? newValue) = Tokens(context, heads, isCross);
        Value key = isCross ? context.Input(1) : context.Input(5);
        Value value = isCross ? context.Input(2) : context.Input(6);
        if (key.Type!.Value.Shape.Rank != 4 || value.Type!.Value.Shape.Rank != 4 || key.Type.Value.Shape[2] != value.Type.Value.Shape[2])
        {
            throw context.Invalid($"keys {key.Type} and values {value.Type} must have four dimensions");
        }

        if (!isCross)
        {
            // Where the cache is as long as it will become, the token has its place in it; else it comes behind it.
            long length = key.Type.Value.Shape[2];
            bool isShared = context.Attributes.Int("past_present_share_buffer", 0) != 0;
            long past = isShared ? context.RequireInteger(7) : length;
            if (past < 0 || past > length || (isShared && past == length))
            {
                throw context.Invalid($"a cache of {length} tokens cannot have one behind {past}");
            }

            (Value allKeys, Value allValues) = (Write(key, newKey!), Write(value, newValue!));
            context.SetOutput(1, allKeys);
            context.SetOutput(2, allValues);
            key = Front(allKeys);
            value = Front(allValues);

            Value Write(Value cache, Value now) => context.Add("Concat", [context.Slice(cache, 2, 0, past), now, context.Slice(cache, 2, past + 1, Math.Max(length, past + 1))], ("axis", 2));

            Value Front(Value all) => isShared ? context.Slice(all, 2, 0, past + 1) : all;
        }

        long keys = key.Type!.Value.Shape[2];
        Value? padding = null;
        if (context.OptionalInput(3) is { } mask)
        {
            padding = context.InputType(3) == new TensorType(ElementType.Int32, new Shape(shape[0], keys))
                ? ScaledDotProduct.Hide(context, context.Cast(context.Reshape(mask, shape[0], 1, 1, keys), ElementType.Bool), type, context.Attributes.Float("mask_filter_value", -10_000))
                : throw context.Unsupported($"a mask {context.InputType(3)} for {shape[0]} sequences of {keys} keys");
        }

        float? scale = context.Attributes.Float("scale", 0) is not 0 and var given ? given : null;
        Value result = ScaledDotProduct.Attend(context, query, key, value, scale, 0, [padding, context.OptionalInput(4)], null, out ProductStages stages);
        context.SetOutput(0, ScaledDotProduct.MergeHeads(context, result));
        context.SetOutput(3, stages.Scaled);
    }

    // Heads of the token. The biases of all three lie in one vector.
    private static (Value Query, Value? Key, Value? Value) Tokens(FunctionContext context, long heads, bool isCross)
    {
        long width = context.InputShape(0)[2];
        if (isCross)
        {
            return (Heads(context.Input(0), 0), null, null);
        }

        if (context.HasInput(1))
        {
            long size = context.InputShape(1).Rank == 3 ? context.InputShape(1)[2] : throw context.Invalid($"keys {context.InputShape(1)} must have three dimensions");
            return (Heads(context.Input(0), 0), Heads(context.Input(1), width), Heads(context.Input(2), width + size));
        }

        // Values are as wide as queries and keys.
        width = width % 3 == 0 ? width / 3 : throw context.Invalid($"{width} numbers are no queries, keys and values");
        return (Heads(Part(0), 0), Heads(Part(1), width), Heads(Part(2), 2 * width));

        Value Part(long index) => context.Slice(context.Input(0), 2, index * width, (index + 1) * width);

        Value Heads(Value tokens, long firstBias)
        {
            Shape shape = tokens.Type!.Value.Shape;
            if (shape.Rank == 3 && context.OptionalInput(10) is { } bias)
            {
                tokens = context.Add("Add", [tokens, context.Slice(bias, 0, firstBias, firstBias + shape[2])]);
            }

            return ScaledDotProduct.SplitHeads(context, tokens, heads);
        }
    }
}
