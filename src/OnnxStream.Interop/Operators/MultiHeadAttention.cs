using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.MultiHeadAttention: attention of tokens, with biases of the projections and the keys and values of before. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>Packed queries, keys and values are not supported, which ONNX Runtime has on graphics processors only.</remarks>
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
        if (key.Type!.Value.Shape.Rank != 4 || value.Type!.Value.Shape.Rank != 4)
        {
            throw context.Invalid("keys and values must have three or four dimensions");
        }

        (long queries, long keys) = (query.Type!.Value.Shape[2], key.Type.Value.Shape[2]);
        Value? padding = null;
        if (context.OptionalInput(4) is { } mask)
        {
            padding = ScaledDotProduct.Hide(context, Visible(mask, query.Type.Value.Shape[0]), type, context.Attributes.Float("mask_filter_value", -10_000));
        }

        Value? causal = context.Attributes.Int("unidirectional", 0) != 0 ? ScaledDotProduct.Causal(context, type, queries, keys, keys - queries) : null;
        float? scale = context.Attributes.Float("scale", 0) is not 0 and var given ? given : null;
        context.SetOutput(0, ScaledDotProduct.MergeHeads(context, ScaledDotProduct.Attend(context, query, key, value, scale, 0, padding, context.OptionalInput(5), causal)));
        context.SetOutput(1, key);
        context.SetOutput(2, value);

        // Which keys are seen: given for each key, for each query and key, or as the number of keys in front.
        Value Visible(Value given, long items)
        {
            Shape shape = context.InputShape(4);
            if (context.InputElementType(4) == ElementType.Int32 && shape == new Shape(items))
            {
                Value positions = context.Add("Range", [context.Constant([0]), context.Constant([(int)keys]), context.Constant([1])]);
                return context.Add("Less", [positions, context.Reshape(given, items, 1, 1, 1)]);
            }

            return context.InputElementType(4) == ElementType.Int32 && (shape == new Shape(items, keys) || shape == new Shape(items, queries, keys))
                ? context.Cast(context.Reshape(given, items, 1, shape.Rank == 3 ? queries : 1, keys), ElementType.Bool)
                : throw context.Unsupported($"a key padding mask {context.InputType(4)}");
        }

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
                throw context.Invalid($"input {index} must have three or four dimensions");
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
