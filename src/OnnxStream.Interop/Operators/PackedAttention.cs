using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.PackedAttention and PackedMultiHeadAttention: attention inside of sequences whose tokens lie behind each other without padding. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isProjected">Whether tokens are multiplied with a weight first, as in PackedAttention.</param>
internal sealed class PackedAttention(bool isProjected) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long heads = context.Attributes.Int("num_heads", 0);
        int offsets = isProjected ? 3 : 4;
        Shape tokens = context.InputShape(0);
        Shape places = context.InputShape(offsets);
        if (heads < 1 || tokens.Rank is not (2 or 4) || places.Rank != 2)
        {
            throw context.Invalid($"{heads} heads, tokens {tokens} and offsets {places} do not fit together");
        }

        (Value query, Value key, Value value) = isProjected ? Project(context, heads) : Given(context, heads);
        ElementType type = query.Type!.Value.ElementType;
        Value hidden = PackedTokens.Hide(context, type, offsets + 1, places[0], places[1]);
        float? scale = context.Attributes.Float("scale", 0) is not 0 and var given ? given : null;
        Value result = ScaledDotProduct.Attend(context, Split(query), Split(key), Split(value), scale, 0, hidden, context.OptionalInput(offsets + 2));
        context.SetOutput(0, PackedTokens.Pack(context, ScaledDotProduct.MergeHeads(context, result), offsets, tokens[0]));

        Value Split(Value packed) => ScaledDotProduct.SplitHeads(context, PackedTokens.Unpack(context, packed, offsets), heads);
    }

    private static (Value Query, Value Key, Value Value) Project(FunctionContext context, long heads)
    {
        Shape weight = context.InputShape(1);
        if (context.InputShape(0).Rank != 2 || weight.Rank != 2)
        {
            throw context.Invalid($"tokens {context.InputShape(0)} and a weight {weight} must have two dimensions");
        }

        long[] sizes = context.Attributes.Ints("qkv_hidden_sizes") ?? [weight[1] / 3, weight[1] / 3, weight[1] / 3];
        if (sizes.Length != 3 || sizes.Any(size => size < 1 || size % heads != 0 || size > weight[1]) || sizes.Sum() != weight[1])
        {
            throw context.Invalid($"a weight {weight} cannot be divided into queries, keys and values of {Listing.Of(sizes)} for {heads} heads");
        }

        Value all = context.Add("Add", [context.Add("MatMul", [context.Input(0), context.Input(1)]), context.Input(2)]);
        return (context.Slice(all, 1, 0, sizes[0]), context.Slice(all, 1, sizes[0], sizes[0] + sizes[1]), context.Slice(all, 1, sizes[0] + sizes[1], weight[1]));
    }

    // Queries, keys and values, or all three for each head. Their biases lie in one vector.
    private static (Value Query, Value Key, Value Value) Given(FunctionContext context, long heads)
    {
        Shape tokens = context.InputShape(0);
        Value[] parts;
        if (tokens.Rank == 4)
        {
            if (tokens[1] != heads || tokens[2] != 3 || context.HasInput(1) || context.HasInput(2))
            {
                throw context.Invalid($"packed queries, keys and values {tokens} must be [tokens, {heads}, 3, size], and the only ones");
            }

            parts = [.. Enumerable.Range(0, 3).Select(part => context.Reshape(context.Slice(context.Input(0), 2, part, part + 1), tokens[0], heads * tokens[3]))];
        }
        else
        {
            parts = [context.Input(0), context.Input(1), context.Input(2)];
        }

        long first = 0;
        for (int i = 0; i < parts.Length; i++)
        {
            Shape shape = parts[i].Type!.Value.Shape;
            if (shape.Rank != 2 || shape[0] != tokens[0])
            {
                throw context.Invalid($"queries, keys and values must be of {tokens[0]} tokens, {shape} are not");
            }

            if (context.OptionalInput(3) is { } bias)
            {
                parts[i] = context.Add("Add", [parts[i], context.Slice(bias, 0, first, first + shape[1])]);
                first += shape[1];
            }
        }

        return (parts[0], parts[1], parts[2]);
    }
}
