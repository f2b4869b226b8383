using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.GroupQueryAttention: causal attention whose heads of keys serve several heads of queries, with rotary embedding and a cache. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>
/// The total length must be known when planning (it grows with the shapes), and be the same for the whole batch. A cache longer than that is
/// written in its middle. Quantized caches and a smooth softmax are not supported.
/// </remarks>
internal sealed class GroupQueryAttention : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long heads = context.Attributes.Int("num_heads", 0);
        long groups = context.Attributes.Int("kv_num_heads", 0);
        Shape input = context.InputShape(0);
        if (context.Attributes.Int("smooth_softmax", 0) > 0 || context.HasInput(11) || context.HasOutput(3))
        {
            throw context.Unsupported("a smooth softmax, or the output of products");
        }

        if (input.Rank != 3 || heads < 1 || groups < 1 || heads % groups != 0)
        {
            throw context.Invalid($"{heads} heads of queries and {groups} of keys do not divide {input}");
        }

        (Value query, Value key, Value value) = Tokens(context, heads, groups);
        ElementType type = context.InputElementType(0);
        if (context.RequireIntegers(6) is not [>= 0 and long total])
        {
            throw context.Invalid("input 6, the length of all sequences, must be one number that is not negative");
        }

        long past = total - input[1];
        if (past < 0 || context.RequireIntegers(5).Any(last => last != total - 1))
        {
            throw context.Unsupported($"a batch whose sequences are not all {total} long");
        }

        query = ScaledDotProduct.SplitHeads(context, query, heads);
        key = ScaledDotProduct.SplitHeads(context, key, groups);
        value = ScaledDotProduct.SplitHeads(context, value, groups);
        if (context.Attributes.Int("do_rotary", 0) != 0)
        {
            bool isInterleaved = context.Attributes.Int("rotary_interleaved", 0) != 0;
            query = ScaledDotProduct.Rotate(context, query, Angles(7), Angles(8), isInterleaved);
            key = ScaledDotProduct.Rotate(context, key, Angles(7), Angles(8), isInterleaved);
        }

        (Value keys, Value presentKeys) = Cache(context, 3, key, past, total);
        (Value values, Value presentValues) = Cache(context, 4, value, past, total);
        long window = context.Attributes.Int("local_window_size", -1);
        float? scale = context.Attributes.Float("scale", 0) is not 0 and var given ? given : null;
        Value causal = ScaledDotProduct.Causal(context, type, input[1], total, past, window > 0 ? window : long.MaxValue);
        context.SetOutput(0, ScaledDotProduct.MergeHeads(context, ScaledDotProduct.Attend(context, query, keys, values, scale, context.Attributes.Float("softcap", 0), context.OptionalInput(10), causal)));
        context.SetOutput(1, presentKeys);
        context.SetOutput(2, presentValues);

        Value Angles(int index) =>
            context.OptionalInput(9) is { } positions ? context.Add("Gather", [context.Input(index), positions], ("axis", 0)) :
            context.Add("Unsqueeze", [context.Slice(context.Input(index), 0, past, total), context.Integers(0)]);
    }

    // Without keys and values, the queries hold all three.
    private static (Value Query, Value Key, Value Value) Tokens(FunctionContext context, long heads, long groups)
    {
        if (context.HasInput(1))
        {
            return (context.Input(0), context.Input(1), context.Input(2));
        }

        long size = context.InputShape(0)[2] / (heads + 2 * groups);
        return (
            context.Slice(context.Input(0), 2, 0, heads * size),
            context.Slice(context.Input(0), 2, heads * size, (heads + groups) * size),
            context.Slice(context.Input(0), 2, (heads + groups) * size, (heads + 2 * groups) * size));
    }

    // What is attended to, and the cache with what is new in it.
    private static (Value Used, Value Present) Cache(FunctionContext context, int index, Value now, long past, long total)
    {
        if (context.OptionalInput(index) is not { } before)
        {
            return past == 0 ? (now, now) : throw context.Invalid($"{past} tokens came before, but input {index} is left out");
        }

        if (before.Type!.Value.Shape.Rank != 4)
        {
            throw context.Invalid($"input {index} must have four dimensions");
        }

        long length = context.InputShape(index)[2];
        if (length < past)
        {
            throw context.Invalid($"{past} tokens came before, but input {index} holds {length}");
        }

        Value used = past == 0 ? now : context.Add("Concat", [length == past ? before : context.Slice(before, 2, 0, past), now], ("axis", 2));
        return (used, length > total ? context.Add("Concat", [used, context.Slice(before, 2, total, length)], ("axis", 2)) : used);
    }
}
