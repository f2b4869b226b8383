using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>What all attention operators share: softmax(scale q kᵀ + bias) v, heads of keys that serve several heads of queries, and the turn of heads by position.</summary>
internal static class ScaledDotProduct
{
    /// <summary>Adds the nodes of attention.</summary>
    /// <param name="context">The operator.</param>
    /// <param name="query">[B, H, T, D].</param>
    /// <param name="key">[B, G, S, D], where G divides H.</param>
    /// <param name="value">[B, G, S, E].</param>
    /// <param name="scale">What the products are multiplied with; null for 1 / sqrt(D).</param>
    /// <param name="softCap">What products are limited to, softly; 0 for no limit.</param>
    /// <param name="biases">What is added to the products, each broadcast to [B, H, T, S]; null for none.</param>
    /// <returns>[B, H, T, E].</returns>
    public static Value Attend(FunctionContext context, Value query, Value key, Value value, float? scale, float softCap, params Value?[] biases) =>
        Attend(context, query, key, value, scale, softCap, biases, null, out _);

    /// <summary>As the other, with more to ask for. A query that biases hide all keys from gets zeros, as ONNX Runtime has it.</summary>
    /// <param name="context">The operator.</param>
    /// <param name="query">[B, H, T, D].</param>
    /// <param name="key">[B, G, S, D].</param>
    /// <param name="value">[B, G, S, E].</param>
    /// <param name="scale">As above.</param>
    /// <param name="softCap">As above.</param>
    /// <param name="biases">As above.</param>
    /// <param name="sink">[1 or B, H, 1 or T, 1]: the product with a key that has no value, which takes its part of the softmax; null for none.</param>
    /// <param name="stages">The products, as they are, limited, with biases, and after the softmax: each [B, H, T, S].</param>
    public static Value Attend(FunctionContext context, Value query, Value key, Value value, float? scale, float softCap, Value?[] biases, Value? sink, out ProductStages stages)
    {
        Shape queries = query.Type!.Value.Shape;
        ElementType type = query.Type.Value.ElementType;
        Shape keys = key.Type!.Value.Shape;
        if (queries.Rank != 4 || keys.Rank != 4 || value.Type!.Value.Shape.Rank != 4 || keys[3] != queries[3] || keys[2] != value.Type.Value.Shape[2] || keys[1] != value.Type.Value.Shape[1] ||
            keys[1] == 0 || queries[1] % keys[1] != 0 || keys[0] != queries[0])
        {
            throw context.Invalid($"queries {queries}, keys {keys} and values {value.Type} do not fit together");
        }

        long group = queries[1] / keys[1];
        Value products = context.Add("MatMul", [query, context.Transpose(Repeat(context, key, group), 0, 1, 3, 2)]);
        products = context.Add("Mul", [products, context.Number(type, scale ?? 1 / Math.Sqrt(queries[3]))]);
        Value scaled = products;
        if (softCap > 0)
        {
            Value cap = context.Number(type, softCap);
            products = context.Add("Mul", [context.Add("Tanh", [context.Add("Div", [products, cap])]), cap]);
        }

        Value limited = products;
        foreach (Value bias in biases.OfType<Value>())
        {
            products = context.Add("Add", [products, bias]);
        }

        Value parts = sink is not null ? SoftmaxWithSink(context, products, sink) :
            biases.Any(bias => bias is not null) ? context.Add("Softmax", [products], new SoftmaxFusion(EmptyRowsAreZero: true), ("axis", -1)) :
            context.Add("Softmax", [products], ("axis", -1));
        stages = new(scaled, limited, products, parts);
        return context.Add("MatMul", [parts, Repeat(context, value, group)]);
    }

    /// <summary>[B, T, H * D] as [B, H, T, D].</summary>
    public static Value SplitHeads(FunctionContext context, Value tokens, long heads)
    {
        Shape shape = tokens.Type!.Value.Shape;
        return shape.Rank == 3 && heads > 0 && shape[2] % heads == 0
            ? context.Transpose(context.Reshape(tokens, shape[0], shape[1], heads, shape[2] / heads), 0, 2, 1, 3)
            : throw context.Invalid($"{shape} cannot be divided into {heads} heads");
    }

    /// <summary>[B, H, T, D] as [B, T, H * D].</summary>
    public static Value MergeHeads(FunctionContext context, Value heads)
    {
        Shape shape = heads.Type!.Value.Shape;
        return context.Reshape(context.Transpose(heads, 0, 2, 1, 3), shape[0], shape[2], shape[1] * shape[3]);
    }

    /// <summary>A bias that hides, from query t, keys behind position t + <paramref name="past"/>, and those <paramref name="window"/> or more in front of it: [T, S].</summary>
    public static Value Causal(FunctionContext context, ElementType type, long queries, long keys, long past, long window = long.MaxValue)
    {
        Value positions = context.Add("Unsqueeze", [context.Add("Range", [context.Constant<long>([past]), context.Constant<long>([past + queries]), context.Constant<long>([1])]), context.Integers(1)]);
        return Causal(context, type, positions, keys, window);
    }

    /// <summary>The same for queries at given positions [..., T, 1].</summary>
    public static Value Causal(FunctionContext context, ElementType type, Value positions, long keys, long window)
    {
        Value others = context.Add("Range", [context.Constant<long>([0]), context.Constant<long>([keys]), context.Constant<long>([1])]);
        Value visible = context.Add("LessOrEqual", [others, positions]);
        if (window < keys)
        {
            Value distance = context.Add("Sub", [positions, others]);
            visible = context.Add("And", [visible, context.Add("Less", [distance, context.Constant<long>([window])])]);
        }

        return Hide(context, visible, type, double.NegativeInfinity);
    }

    /// <summary>A bias of 0 where a bool is true, and of <paramref name="hidden"/> elsewhere.</summary>
    public static Value Hide(FunctionContext context, Value visible, ElementType type, double hidden) =>
        context.Add("Where", [visible, context.Number(type, 0), context.Number(type, hidden)]);

    /// <summary>Puts new keys or values behind those of before.</summary>
    public static Value Append(FunctionContext context, Value? past, Value now) => past is null ? now : context.Add("Concat", [past, now], ("axis", 2));

    /// <summary>Turns pairs of numbers by angles that depend on the position (RoPE).</summary>
    /// <param name="context">The operator.</param>
    /// <param name="heads">[B, H, T, D].</param>
    /// <param name="cosine">[B or 1, T, R / 2]: the cosines of each position; the first R numbers of a head are turned.</param>
    /// <param name="sine">The sines.</param>
    /// <param name="isInterleaved">Whether pairs are neighbours, not from the two halves.</param>
    public static Value Rotate(FunctionContext context, Value heads, Value cosine, Value sine, bool isInterleaved)
    {
        Shape shape = heads.Type!.Value.Shape;
        Shape angles = cosine.Type!.Value.Shape;
        if (shape.Rank != 4 || angles.Rank != 3 || angles != sine.Type!.Value.Shape || angles[1] != shape[2] || angles[2] > shape[3] / 2)
        {
            throw context.Invalid($"angles {angles} do not fit heads {shape}");
        }

        long turned = 2 * angles[2];
        cosine = context.Add("Unsqueeze", [cosine, context.Integers(1)]);
        sine = context.Add("Unsqueeze", [sine, context.Integers(1)]);
        Value part = turned < shape[3] ? context.Slice(heads, 3, 0, turned) : heads;
        Value first = isInterleaved ? EverySecond(0) : context.Slice(part, 3, 0, turned / 2);
        Value second = isInterleaved ? EverySecond(1) : context.Slice(part, 3, turned / 2, turned);
        Value real = context.Add("Sub", [context.Add("Mul", [first, cosine]), context.Add("Mul", [second, sine])]);
        Value imaginary = context.Add("Add", [context.Add("Mul", [first, sine]), context.Add("Mul", [second, cosine])]);
        Value result = isInterleaved
            ? context.Reshape(context.Add("Concat", [context.Add("Unsqueeze", [real, context.Integers(4)]), context.Add("Unsqueeze", [imaginary, context.Integers(4)])], ("axis", 4)), shape[0], shape[1], shape[2], turned)
            : context.Add("Concat", [real, imaginary], ("axis", 3));
        return turned < shape[3] ? context.Add("Concat", [result, context.Slice(heads, 3, turned, shape[3])], ("axis", 3)) : result;

        Value EverySecond(long start) => context.Add("Slice", [part, context.Integers(start), context.Integers(turned), context.Integers(3), context.Integers(2)]);
    }

    private static Value SoftmaxWithSink(FunctionContext context, Value products, Value sink)
    {
        Shape shape = products.Type!.Value.Shape;
        sink = context.Add("Expand", [sink, context.Integers(shape[0], shape[1], shape[2], 1)]);
        return context.Slice(context.Add("Softmax", [context.Add("Concat", [products, sink], ("axis", 3))], ("axis", -1)), 3, 0, shape[3]);
    }

    /// <summary>[B, G, S, D] as [B, G * <paramref name="group"/>, S, D], each head as often as it serves heads of queries.</summary>
    public static Value Repeat(FunctionContext context, Value heads, long group)
    {
        Shape shape = heads.Type!.Value.Shape;
        if (group == 1)
        {
            return heads;
        }

        Value wide = context.Add("Expand", [context.Reshape(heads, shape[0], shape[1], 1, shape[2], shape[3]), context.Integers(shape[0], shape[1], group, shape[2], shape[3])]);
        return context.Reshape(wide, shape[0], shape[1] * group, shape[2], shape[3]);
    }
}

/// <summary>What the products of queries and keys are on their way to the softmax.</summary>
/// <param name="Scaled">As they are.</param>
/// <param name="Limited">After the soft limit.</param>
/// <param name="Biased">After the biases.</param>
/// <param name="Parts">After the softmax.</param>
internal readonly record struct ProductStages(Value Scaled, Value Limited, Value Biased, Value Parts);
