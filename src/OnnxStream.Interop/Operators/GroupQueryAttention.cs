using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.GroupQueryAttention: causal attention whose heads of keys serve several heads of queries, with rotary embedding and a cache. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <remarks>
/// The total length must be known when planning (it grows with the shapes). A cache longer than that is written in its middle. Where the sequences of a batch
/// have different lengths, each is written and turned at its own positions. Quantized caches and the output of products are not supported.
/// </remarks>
internal sealed class GroupQueryAttention : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        long heads = context.Attributes.Int("num_heads", 0);
        long groups = context.Attributes.Int("kv_num_heads", 0);
        Shape input = context.InputShape(0);
        bool isQuantized = context.Attributes.String("k_quant_type", "NONE") != "NONE" || context.Attributes.String("v_quant_type", "NONE") != "NONE" || context.Attributes.Int("kv_cache_bit_width", 0) != 0;
        if (isQuantized || Enumerable.Range(12, Math.Max(0, context.InputCount - 12)).Any(context.HasInput) || context.HasOutput(3))
        {
            throw context.Unsupported("a quantized cache, or the output of products");
        }

        if (input.Rank != 3 || heads < 1 || groups < 1 || heads % groups != 0)
        {
            throw context.Invalid($"{heads} heads of queries and {groups} of keys do not divide {input}");
        }

        (Value query, Value key, Value value) = Tokens(context, heads, groups);
        ElementType type = context.InputElementType(0);
        long total = context.RequireInteger(6);
        long past = total - input[1];
        if (past < 0)
        {
            throw context.Invalid($"there are {input[1]} tokens, but only {total} with those of before");
        }

        // In a first prompt, what is shorter is filled up behind its end, where nobody looks. A single sequence is as long as the longest.
        long[] lasts = past == 0 || input[0] == 1 ? [] : context.RequireIntegers(5);
        bool isUniform = lasts.All(last => last == total - 1);
        if (!isUniform && (lasts.Length != input[0] || lasts.Any(last => last < input[1] - 1 || last >= total)))
        {
            throw context.Invalid($"the last positions [{Listing.Of(lasts)}] do not fit {input[0]} sequences of at most {total}, of which {input[1]} are new");
        }

        Value? positions = isUniform ? null : context.Constant<long>([.. lasts.SelectMany(last => Enumerable.Range(0, (int)input[1]).Select(token => last + 1 - input[1] + token))], input[0], input[1]);
        query = ScaledDotProduct.SplitHeads(context, query, heads);
        key = ScaledDotProduct.SplitHeads(context, key, groups);
        value = ScaledDotProduct.SplitHeads(context, value, groups);
        if (context.Attributes.Int("do_rotary", 0) != 0)
        {
            bool isInterleaved = context.Attributes.Int("rotary_interleaved", 0) != 0;
            query = ScaledDotProduct.Rotate(context, query, Angles(7), Angles(8), isInterleaved);
            key = ScaledDotProduct.Rotate(context, key, Angles(7), Angles(8), isInterleaved);
        }

        (Value keys, Value presentKeys) = isUniform ? Cache(context, 3, key, past, total) : ScatteredCache(context, 3, key, lasts, total);
        (Value values, Value presentValues) = isUniform ? Cache(context, 4, value, past, total) : ScatteredCache(context, 4, value, lasts, total);
        long window = context.Attributes.Int("local_window_size", -1);
        window = window > 0 ? window : long.MaxValue;
        float? scale = context.Attributes.Float("scale", 0) is not 0 and var given ? given : null;

        // One query, the last of all, sees everything: nothing is hidden, and nothing need be made for it in each run.
        Value? causal = positions is null && input[1] == 1 && window >= total ? null : positions is null
            ? ScaledDotProduct.Causal(context, type, input[1], total, past, window)
            : ScaledDotProduct.Causal(context, type, context.Reshape(positions, input[0], 1, input[1], 1), total, window);
        Value? sink = context.OptionalInput(11) is { } sinks ? context.Reshape(sinks, 1, heads, 1, 1) :
            context.Attributes.Int("smooth_softmax", 0) > 0 ? context.Cast(context.Constant(new double[heads], 1, heads, 1, 1), type) : null;
        Value result = ScaledDotProduct.Attend(context, query, keys, values, scale, context.Attributes.Float("softcap", 0), [context.OptionalInput(10), causal], sink, out _);
        context.SetOutput(0, ScaledDotProduct.MergeHeads(context, result));
        context.SetOutput(1, presentKeys);
        context.SetOutput(2, presentValues);

        Value Angles(int index) =>
            context.Add("Gather", [context.Input(index), context.OptionalInput(9) ?? positions ?? Positions()], ("axis", 0));

        // Rows by number: a state that grows changes the numbers, and nothing else.
        Value Positions() => context.Constant<long>([.. Enumerable.Range(0, (int)input[1]).Select(token => past + token)], 1, input[1]);
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

        if (context.InputShape(index).Rank != 4)
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

    // The same where each sequence ends at its own position.
    private static (Value Used, Value Present) ScatteredCache(FunctionContext context, int index, Value now, long[] lasts, long total)
    {
        Value before = context.Input(index);
        long length = context.InputShape(index)[2];
        long tokens = now.Type!.Value.Shape[2];
        if (length < total)
        {
            before = context.Add("Pad", [before, context.Integers(0, total - length), null, context.Integers(2)]);
        }

        Value present = context.Add("TensorScatter", [before, now, context.Integers([.. lasts.Select(last => last + 1 - tokens)])]);
        return (length > total ? context.Slice(present, 2, 0, total) : present, present);
    }
}
