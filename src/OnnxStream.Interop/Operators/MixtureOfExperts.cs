using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>com.microsoft.MoE and QMoE: for each token, the experts with the largest scores, each two layers with an activation between them, and the sum of their results. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md</summary>
/// <param name="isQuantized">Whether weights are integers of 2, 4 or 8 bits.</param>
/// <remarks>
/// A token is a row for each of its experts. Rows are sorted by expert, so that the matrices of an expert are read once, and those that no token asks for not at
/// all (<see cref="ExpertProduct"/>). The third weight is multiplied with the activated first one. Everything is computed in single precision. Not supported are
/// the sparse mixer, weights of 4-bit and 8-bit floats, and weights in the layouts of kernels.
/// </remarks>
internal sealed class MixtureOfExperts(bool isQuantized) : FunctionOperator
{
    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape shape = context.InputShape(0);
        Shape scores = context.InputShape(1);
        long chosen = context.Attributes.Int("k", 1);
        if (shape.Rank is not (2 or 3) || shape[^1] == 0 || scores.Rank != 2 || scores[0] != shape.Product(0, shape.Rank - 1) || chosen < 1 || chosen > scores[1])
        {
            throw context.Invalid($"tokens {shape} and scores {scores} do not fit together, or {chosen} experts of them cannot be chosen");
        }

        if (!context.InputElementType(0).IsFloat() || !context.InputElementType(1).IsFloat())
        {
            throw context.Invalid("tokens and scores must be floating-point numbers");
        }

        if (!isQuantized && context.Attributes.Int("use_sparse_mixer", 0) != 0)
        {
            throw context.Unsupported("the sparse mixer");
        }

        Layers layers = Read(context, scores[1], shape[^1]);
        if (scores[0] == 0)
        {
            context.SetOutput(0, context.Input(0));
            return;
        }

        long count = checked(scores[0] * chosen);
        (Value experts, Value parts) = Choose(context, chosen);
        Value[] sorted = Sort(context, context.Reshape(experts, count), count);
        Value order = sorted[1];
        Value tokens = context.Cast(context.Reshape(context.Input(0), scores[0], shape[^1]), ElementType.Float32);
        Value rows = context.Add("Gather", [tokens, chosen == 1 ? order : context.Add("Div", [order, context.Constant<long>([chosen])])], ("axis", 0));
        Value inner = Activate(context, layers, Multiply(rows, layers.First), layers.Third is { } third ? Multiply(rows, third) : null);
        Value results = context.Add("Mul", [Multiply(inner, layers.Second), context.Add("Gather", [context.Reshape(parts, count, 1), order], ("axis", 0))]);
        results = context.Add("Gather", [results, Sort(context, order, count)[1]], ("axis", 0));
        Value sum = chosen == 1 ? results : context.Add("ReduceSum", [context.Reshape(results, scores[0], chosen, shape[^1]), context.Integers(1)], ("keepdims", 0));
        context.SetOutput(0, context.Cast(context.Reshape(sum, shape.Dimensions), context.InputElementType(0)));

        Value Multiply(Value data, Layer layer) => context.AddInternal(ExpertProduct.Name, data, layer.Weight, layer.Bias, sorted[0]);
    }

    // The experts of each token [T, k], and the part that each has in the result.
    private (Value Experts, Value Parts) Choose(FunctionContext context, long chosen)
    {
        Value[] top = context.AddMany("TopK", 2, [context.Cast(context.Input(1), ElementType.Float32), context.Integers(chosen)], ("axis", 1));
        bool isNormalized = context.Attributes.Int("normalize_routing_weights", 0) != 0;
        if (isQuantized && context.OptionalInput(14) is { } weights)
        {
            if (context.InputShape(14) != context.InputShape(1) || !context.InputElementType(14).IsFloat())
            {
                throw context.Invalid($"weights of experts (input 14) must be like scores, {context.InputType(1)}");
            }

            Value parts = context.Add("GatherElements", [context.Cast(weights, ElementType.Float32), top[1]], ("axis", 1));
            return (top[1], isNormalized ? context.Add("Div", [parts, context.Add("ReduceSum", [parts, context.Integers(1)])]) : parts);
        }

        return (top[1], isNormalized || isQuantized
            ? context.Add("Softmax", [top[0]], ("axis", 1))
            : context.Add("GatherElements", [context.Add("Softmax", [context.Cast(context.Input(1), ElementType.Float32)], ("axis", 1)), top[1]], ("axis", 1)));
    }

    // Integers in ascending order, and where each of them was.
    private static Value[] Sort(FunctionContext context, Value integers, long count) =>
        context.AddMany("TopK", 2, [integers, context.Integers(count)], ("axis", 0), ("largest", 0));

    private static Value Activate(FunctionContext context, Layers layers, Value first, Value? third)
    {
        if (layers.Activation != "swiglu")
        {
            Value activated = layers.Activation switch
            {
                "relu" => context.Add("Relu", [first]),
                "gelu" => context.Add("Gelu", [first], ("approximate", "tanh")),
                "silu" => context.Add("Swish", [first]),
                _ => first,
            };
            return third is null ? activated : context.Add("Mul", [activated, third]);
        }

        long width = first.Type!.Value.Shape[1];
        (Value gate, Value linear) = (first, third!);
        if (layers.IsInterleaved)
        {
            gate = context.Add("Slice", [first, context.Integers(0), context.Integers(width), context.Integers(1), context.Integers(2)]);
            linear = context.Add("Slice", [first, context.Integers(1), context.Integers(width), context.Integers(1), context.Integers(2)]);
        }
        else if (third is null)
        {
            gate = context.Slice(first, 1, 0, width / 2);
            linear = context.Slice(first, 1, width / 2, width);
        }

        if (context.Attributes.Float("swiglu_limit", float.PositiveInfinity) is var limit && float.IsFinite(limit))
        {
            gate = context.Add("Clip", [gate, null, context.Constant([limit])]);
            linear = context.Add("Clip", [linear, context.Constant([-limit]), context.Constant([limit])]);
        }

        float beta = context.Attributes.Float("activation_beta", 0);
        gate = context.Add("Swish", [gate], ("alpha", context.Attributes.Float("activation_alpha", 1)));
        return context.Add("Mul", [gate, beta == 0 ? linear : context.Add("Add", [linear, context.Constant([beta])])]);
    }

    private Layers Read(FunctionContext context, long experts, long hidden)
    {
        string activation = context.Attributes.String("activation_type", "relu");
        long fusion = context.Attributes.Int("swiglu_fusion", 0);
        int third = isQuantized ? 8 : 6;
        bool hasThird = context.HasInput(third);
        bool isGated = activation == "swiglu";
        if (activation is not ("relu" or "gelu" or "silu" or "identity" or "swiglu") || fusion is < 0 or > 2)
        {
            throw context.Invalid($"activation_type is '{activation}' with swiglu_fusion {fusion}; it must be relu, gelu, silu, identity or swiglu, and 0, 1 or 2");
        }

        if (isGated && hasThird == (fusion != 0))
        {
            throw context.Invalid($"swiglu_fusion is {fusion}, but the third weight (input {third}) is {(hasThird ? "given" : "left out")}");
        }

        bool isWide = isGated && fusion != 0;
        int second = isQuantized ? 5 : 4;
        Shape stored = context.InputShape(2);
        long inner = stored.Rank == 3 && stored[0] == experts && stored[1] > 0 && (!isWide || stored[1] % 2 == 0) ? (isWide ? stored[1] / 2 : stored[1]) : throw context.Invalid($"the weight {stored} (input 2) must be [{experts}, {(isWide ? "2 * inner" : "inner")} size, {hidden}]");
        return new Layers(activation, isWide && fusion == 1, Layer(2, stored[1], hidden, 11), Layer(second, hidden, inner, 12), hasThird ? Layer(third, inner, hidden, 13) : null);

        Layer Layer(int index, long outputs, long inputs, int zeroPoints)
        {
            int biasIndex = index + (isQuantized ? 2 : 1);
            Value? bias = context.OptionalInput(biasIndex);
            if (bias is not null && (context.InputShape(biasIndex) != new Shape(experts, outputs) || !context.InputElementType(biasIndex).IsFloat()))
            {
                throw context.Invalid($"biases {context.InputType(biasIndex)} (input {biasIndex}) must be [{experts}, {outputs}]");
            }

            Value weight = isQuantized ? QuantizedExperts.Read(context, index, zeroPoints, experts, outputs, inputs) : Weight(context, index, new Shape(experts, outputs, inputs));
            return new Layer(weight, bias is null ? null : context.Cast(bias, ElementType.Float32));
        }
    }

    // A weight in the file stays there.
    private static Value Weight(FunctionContext context, int index, Shape shape)
    {
        if (context.InputShape(index) != shape || !context.InputElementType(index).IsFloat())
        {
            throw context.Invalid($"the weight {context.InputType(index)} (input {index}) must be {shape}");
        }

        return context.ConstantInput(index) is { Location: not null, IsChannelsLast: false } constant ? context.Constant(constant.WithType(ElementType.Float32)) : context.Cast(context.Input(index), ElementType.Float32);
    }

    private sealed record Layer(Value Weight, Value? Bias);

    private sealed record Layers(string Activation, bool IsInterleaved, Layer First, Layer Second, Layer? Third);
}
