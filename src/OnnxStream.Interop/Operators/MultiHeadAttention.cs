using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.MultiHeadAttention: attention of tokens, with biases of the projections and the keys and values of before. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>Packed queries, keys and values, and masks of other forms than one int32 for each key, are not supported.</remarks>
internal sealed class MultiHeadAttention : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long heads = context.Attributes.Int("num_heads", 0);
        if (context.InputShape(0).Rank != 3 || !context.HasInput(1) || !context.HasInput(2))
        {
            throw context.Unsupported("packed queries, keys and values");
        }

        ElementType type = context.InputElementType(0);
        long biased = 0;
        Value query = Heads(0);
        Value now = Heads(1);
        Value newValues = Heads(2);
        Value key = ScaledDotProduct.Append(context, context.OptionalInput(6), now);
        Value value = ScaledDotProduct.Append(context, context.OptionalInput(7), newValues);
        (long queries, long keys) = (query.Type!.Value.Shape[2], key.Type!.Value.Shape[2]);
        Value? padding = null;
        if (context.OptionalInput(4) is { } mask)
        {
            if (context.InputShape(4) != new Shape(query.Type.Value.Shape[0], keys) || context.InputElementType(4) != ElementType.Int32)
            {
                throw context.Unsupported($"a key padding mask {context.InputType(4)}");
            }

            Value visible = context.Add("Cast", [context.Reshape(mask, query.Type.Value.Shape[0], 1, 1, keys)], ("to", (long)ElementType.Bool));
            padding = ScaledDotProduct.Hide(context, visible, type, context.Attributes.Float("mask_filter_value", -10_000));
        }

        Value? causal = context.Attributes.Int("unidirectional", 0) != 0 ? ScaledDotProduct.Causal(context, type, queries, keys, keys - queries) : null;
        float? scale = context.Attributes.Float("scale", 0) is not 0 and var given ? given : null;
        context.SetOutput(0, ScaledDotProduct.MergeHeads(context, ScaledDotProduct.Attend(context, query, key, value, scale, 0, padding, context.OptionalInput(5), causal)));
        context.SetOutput(1, key);
        context.SetOutput(2, value);

        // Keys and values may be heads already. The biases of all three lie in one vector.
        Value Heads(int index)
        {
            Value tokens = context.Input(index);
            if (tokens.Type!.Value.Shape.Rank == 4)
            {
                return tokens;
            }

            if (tokens.Type.Value.Shape.Rank != 3)
            {
                throw context.Invalid($"input {index} must have three dimensions, or four where it is heads already");
            }

            if (context.OptionalInput(3) is { } bias)
            {
                long width = tokens.Type.Value.Shape[2];
                tokens = context.Add("Add", [tokens, context.Slice(bias, 0, biased, biased + width)]);
                biased += width;
            }

            return ScaledDotProduct.SplitHeads(context, tokens, heads);
        }
    }
}
