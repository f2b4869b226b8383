using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.Attention and QAttention: queries, keys and values of one product, and attention. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isQuantized">Whether the tokens and the weight are 8-bit integers.</param>
/// <remarks>Rotary embedding, caches that are written in place and packed sequences are not supported, which ONNX Runtime has on graphics processors only.</remarks>
internal sealed class SelfAttention(bool isQuantized) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long heads = context.Attributes.Int("num_heads", 0);
        if (context.Attributes.Int("do_rotary", 0) != 0 || context.Attributes.Int("past_present_share_buffer", 0) != 0)
        {
            throw context.Unsupported("rotary embedding, or a cache that is written in place");
        }

        Shape input = context.InputShape(0);
        Shape weight = context.InputShape(1);
        if (input.Rank != 3 || weight.Rank != 2 || heads < 1)
        {
            throw context.Invalid($"tokens {input}, a weight {weight} and {heads} heads do not fit together");
        }

        Value projected = Project(context);
        long[] sizes = context.Attributes.Ints("qkv_hidden_sizes") ?? [weight[1] / 3, weight[1] / 3, weight[1] / 3];
        if (sizes.Length != 3 || sizes.Any(size => size < 1 || size % heads != 0 || size > weight[1]) || sizes.Sum() != weight[1])
        {
            throw context.Invalid($"a weight {weight} cannot be divided into queries, keys and values of {string.Join(", ", sizes)} for {heads} heads");
        }

        Value query = ScaledDotProduct.SplitHeads(context, context.Slice(projected, 2, 0, sizes[0]), heads);
        Value key = ScaledDotProduct.SplitHeads(context, context.Slice(projected, 2, sizes[0], sizes[0] + sizes[1]), heads);
        Value value = ScaledDotProduct.SplitHeads(context, context.Slice(projected, 2, sizes[0] + sizes[1], weight[1]), heads);
        long past = 0;
        if (context.OptionalInput(isQuantized ? 8 : 4) is { } before)
        {
            Shape shape = before.Type!.Value.Shape;
            if (shape.Rank != 5 || shape[0] != 2 || sizes[1] != sizes[2])
            {
                throw context.Invalid($"keys and values of before must be [2, batch, heads, tokens, size], they are {shape}");
            }

            past = shape[3];
            key = ScaledDotProduct.Append(context, Part(0), key);
            value = ScaledDotProduct.Append(context, Part(1), value);

            Value Part(long index) => context.Reshape(context.Slice(before, 0, index, index + 1), shape.Dimensions[1..]);
        }

        ElementType type = projected.Type!.Value.ElementType;
        long keys = past + input[1];
        Value? causal = context.Attributes.Int("unidirectional", 0) != 0 ? ScaledDotProduct.Causal(context, type, input[1], keys, past) : null;
        float? scale = context.Attributes.Float("scale", 0) is not 0 and var given ? given : null;
        Value? bias = isQuantized ? null : context.OptionalInput(5);
        context.SetOutput(0, ScaledDotProduct.MergeHeads(context, ScaledDotProduct.Attend(context, query, key, value, scale, 0, Mask(context, isQuantized ? 5 : 3, type, input[0], input[1], keys), bias, causal)));
        if (context.HasOutput(1))
        {
            context.SetOutput(1, context.Add("Concat", [context.Add("Unsqueeze", [key, context.Integers(0)]), context.Add("Unsqueeze", [value, context.Integers(0)])], ("axis", 0)));
        }
    }

    private Value Project(FunctionContext context)
    {
        if (isQuantized)
        {
            _ = QuantizedTensors.Type(context, 0);
            return QuantizedMatMul.Multiply(context, context.Input(0), context.Input(3), context.OptionalInput(6), 4, 7, 2);
        }

        Value product = context.Add("MatMul", [context.Input(0), context.Input(1)]);
        return context.OptionalInput(2) is { } bias ? context.Add("Add", [product, bias]) : product;
    }

    // Which keys are seen: as the number of keys in front, also as that and where the first one is, for each key, for each query and key, or for all positions.
    private static Value? Mask(FunctionContext context, int index, ElementType type, long items, long queries, long keys)
    {
        if (context.OptionalInput(index) is not { } mask)
        {
            return null;
        }

        Shape shape = context.InputShape(index);
        float hidden = context.Attributes.Float("mask_filter_value", -10_000);
        if (context.InputElementType(index) != ElementType.Int32)
        {
            throw context.Invalid($"input {index} must be int32");
        }

        if (shape == new Shape(items) || shape == new Shape(2 * items))
        {
            Value positions = context.Add("Range", [context.Constant([0]), context.Constant([(int)keys]), context.Constant([1])]);
            Value visible = context.Add("Less", [positions, Numbers(0)]);
            visible = shape[0] == items ? visible : context.Add("And", [visible, context.Add("GreaterOrEqual", [positions, Numbers(items)])]);
            return ScaledDotProduct.Hide(context, visible, type, hidden);

            Value Numbers(long first) => context.Reshape(context.Slice(mask, 0, first, first + items), items, 1, 1, 1);
        }

        if (shape == new Shape(items, keys))
        {
            mask = context.Reshape(mask, items, 1, 1, keys);
        }
        else if (shape == new Shape(items, queries, keys))
        {
            mask = context.Reshape(mask, items, 1, queries, keys);
        }
        else if (shape.Rank == 4 && shape[0] == items && shape[1] == 1 && shape[2] == shape[3] && shape[2] >= keys)
        {
            mask = context.Slice(context.Slice(mask, 2, keys - queries, keys), 3, 0, keys);
        }
        else if (shape.Rank == 2 && shape[1] == 1 && (shape[0] == items || shape[0] == 1))
        {
            // The same for all keys of a query: it changes nothing.
            return null;
        }
        else
        {
            throw context.Unsupported($"a mask {context.InputType(index)} for {items} sequences of {queries} queries and {keys} keys");
        }

        return ScaledDotProduct.Hide(context, context.Add("Greater", [mask, context.Constant([0])]), type, hidden);
    }
}
