using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Graphs.Passes;

/// <summary>Makes one Attention out of the matrix products and the softmax that exporters spell it with.</summary>
/// <remarks>
/// <code>
/// s = MatMul(q, k');  p = Softmax(Add(scale * s, mask), last axis);  y = MatMul(p, v)
/// y' = MatMul(v', Transpose(p))     (channel-major, as in the original VAE)
/// </code>
/// The scale is a Mul or Div by a constant behind the product or on q; Reshapes that keep the last two dimensions may stand
/// anywhere. q, k, v may be heads: Transpose(Reshape(tokens [B,T,H*D], [B,T,H,D]), 0,2,1,3), with or without a Reshape to
/// [B*H,T,D]; then the tokens are used directly and y's way back to tokens disappears too.
/// </remarks>
internal static class FuseAttention
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        GraphEditor editor = new(graph);
        foreach (Node node in graph.Nodes)
        {
            if (node is { Domain: "", OperatorType: "Softmax" } && node.Outputs[0]!.Type!.Value.ElementType == ElementType.Float32)
            {
                TryFuse(editor, node);
            }
        }

        editor.Apply();
    }

    private static void TryFuse(GraphEditor editor, Node softmax)
    {
        Shape shape = softmax.Outputs[0]!.Type!.Value.Shape;
        long axis = softmax.Attributes.Int("axis", softmax.OperatorSet < 13 ? 1 : -1);
        if (shape.Rank is not (3 or 4) || (axis != -1 && axis != shape.Rank - 1) || shape.ElementCount == 0)
        {
            return;
        }

        (long queries, long keys) = (shape[^2], shape[^1]);
        if (Scores(editor, softmax.Inputs[0]!, queries, keys) is not { } scores || FindProduct(editor, softmax.Outputs[0]!) is not { } use)
        {
            return;
        }

        // All three as [batch * heads, tokens, channels], or as tokens if all are heads of tokens.
        Value query = scores.Product.Inputs[0]!;
        Value keyTransposed = scores.Product.Inputs[1]!;
        float scale = scores.Scale;
        Node last = use.Product;
        Heads? q = Heads.Of(query);
        Heads? k = Heads.OfTransposed(keyTransposed);
        Heads? v = use.IsTransposed ? null : Heads.Of(use.Value);
        if (q is not null && k is not null && v is not null && q.Count == k.Count && q.Count == v.Count && BackToTokens(editor, use.Product.Outputs[0]!, q.Count) is { } merge)
        {
            Value tokens = q.Tokens;
            if (tokens.Producer is { Domain: "", OperatorType: "Mul" } scaling && editor.OnlyConsumer(tokens) is not null)
            {
                for (int i = 0; i < 2; i++)
                {
                    if (GraphEditor.Scalar(scaling.Inputs[i]) is { } factor)
                    {
                        (tokens, scale) = (scaling.Inputs[1 - i]!, scale * factor);
                        break;
                    }
                }
            }

            Replace(merge, tokens, k.Tokens, v.Tokens, q.Count);
            return;
        }

        Shape product = scores.Product.Outputs[0]!.Type!.Value.Shape;
        Shape queryShape = query.Type!.Value.Shape;
        Shape valueShape = use.Value.Type!.Value.Shape;
        if (queryShape.Rank != 3 || keyTransposed.Type!.Value.Shape.Rank != 3 || valueShape.Rank != 3 || product.Rank != 3 || queryShape[0] != keyTransposed.Type.Value.Shape[0] || valueShape[0] != queryShape[0])
        {
            return;
        }

        Value key = TransposedInput(keyTransposed) ?? editor.Add(last, "Transpose", "", [keyTransposed], ("perm", new long[] { 0, 2, 1 }));
        if (!use.IsTransposed)
        {
            Replace(last, query, key, use.Value, 1);
            return;
        }

        Value tokenValues = editor.Add(last, "Transpose", "", [use.Value], ("perm", new long[] { 0, 2, 1 }));
        Value result = editor.Add(last, FusedAttention.Name, OperatorRegistry.InternalDomain, Inputs(query, key, tokenValues), ("heads", 1L), ("scale", scale));
        editor.Replace(last, "Transpose", "", [result], ("perm", new long[] { 0, 2, 1 }));

        void Replace(Node node, Value queryTokens, Value keyTokens, Value valueTokens, long heads) =>
            editor.Replace(node, FusedAttention.Name, OperatorRegistry.InternalDomain, Inputs(queryTokens, keyTokens, valueTokens), ("heads", heads), ("scale", scale));

        List<Value?> Inputs(Value queryTokens, Value keyTokens, Value valueTokens) =>
            scores.Mask is { } mask ? [queryTokens, keyTokens, valueTokens, mask] : [queryTokens, keyTokens, valueTokens];
    }

    // Walks from the softmax up to the product of queries and keys.
    private static (Node Product, float Scale, Value? Mask)? Scores(GraphEditor editor, Value value, long queries, long keys)
    {
        float scale = 1;
        Value? mask = null;
        while (editor.OnlyConsumer(value) is not null && value.Producer is { Domain: "" } node)
        {
            switch (node.OperatorType)
            {
                case "MatMul":
                    return (node, scale, mask);
                case "Reshape" when node.Inputs[0]!.Type!.Value.Shape is { Rank: >= 2 } shape && shape[^1] == keys && shape[^2] == queries:
                    value = node.Inputs[0]!;
                    break;
                case "Mul" when Factor(node, 0) is { } factor:
                    (value, scale) = (node.Inputs[1]!, scale * factor);
                    break;
                case "Mul" when Factor(node, 1) is { } factor:
                    (value, scale) = (node.Inputs[0]!, scale * factor);
                    break;
                case "Div" when Factor(node, 1) is { } factor and not 0:
                    (value, scale) = (node.Inputs[0]!, scale / factor);
                    break;
                case "Add" when mask is null && scale == 1 && MaskOf(node, queries, keys) is var (other, found) && found is not null:
                    (value, mask) = (other!, found);
                    break;
                default:
                    return null;
            }
        }

        return null;
    }

    private static float? Factor(Node node, int input) => GraphEditor.Scalar(node.Inputs[input]);

    private static (Value? Scores, Value? Mask) MaskOf(Node addition, long queries, long keys)
    {
        for (int i = 1; i >= 0; i--)
        {
            Shape shape = addition.Inputs[i]!.Type!.Value.Shape;
            Shape other = addition.Inputs[1 - i]!.Type!.Value.Shape;
            bool isShared = shape.Rank > 0 && shape[^1] == keys && (shape.ElementCount == keys || (shape.ElementCount == queries * keys && shape.Rank > 1 && shape[^2] == queries));
            if (isShared && other == addition.Outputs[0]!.Type!.Value.Shape && addition.Inputs[1 - i]!.Producer is not null)
            {
                return (addition.Inputs[1 - i], addition.Inputs[i]);
            }
        }

        return (null, null);
    }

    // The product of the attention weights with the values.
    private static (Node Product, Value Value, bool IsTransposed)? FindProduct(GraphEditor editor, Value weights)
    {
        bool transposed = false;
        while (editor.OnlyConsumer(weights) is { Domain: "" } node)
        {
            switch (node.OperatorType)
            {
                case "MatMul" when !transposed && ReferenceEquals(node.Inputs[0], weights):
                    return (node, node.Inputs[1]!, false);
                case "MatMul" when transposed && ReferenceEquals(node.Inputs[1], weights):
                    return (node, node.Inputs[0]!, true);
                case "Reshape" when !transposed && node.Outputs[0]!.Type!.Value.Shape is { Rank: >= 2 } shape && shape[^1] == weights.Type!.Value.Shape[^1] && shape[^2] == weights.Type.Value.Shape[^2]:
                    weights = node.Outputs[0]!;
                    break;
                case "Transpose" when !transposed && node.Attributes.Ints("perm") is [0, 2, 1]:
                    (weights, transposed) = (node.Outputs[0]!, true);
                    break;
                default:
                    return null;
            }
        }

        return null;
    }

    // The Reshape behind Transpose(0,2,1,3) that makes tokens [B,T,H*D] out of heads.
    private static Node? BackToTokens(GraphEditor editor, Value heads, long count)
    {
        Value value = heads;
        if (editor.OnlyConsumer(value) is { Domain: "", OperatorType: "Reshape" } split && split.Outputs[0]!.Type!.Value.Shape.Rank == 4)
        {
            value = split.Outputs[0]!;
        }

        Shape shape = value.Type!.Value.Shape;
        if (shape.Rank != 4 || shape[1] != count || editor.OnlyConsumer(value) is not { Domain: "", OperatorType: "Transpose" } transpose || transpose.Attributes.Ints("perm") is not [0, 2, 1, 3] ||
            editor.OnlyConsumer(transpose.Outputs[0]!) is not { Domain: "", OperatorType: "Reshape" } merge)
        {
            return null;
        }

        return merge.Outputs[0]!.Type!.Value.Shape == new Shape(shape[0], shape[2], shape[1] * shape[3]) ? merge : null;
    }

    private static Value? TransposedInput(Value value) =>
        value.Producer is { Domain: "", OperatorType: "Transpose" } transpose && transpose.Attributes.Ints("perm") is [0, 2, 1] ? transpose.Inputs[0] : null;

    // Tokens [B,T,H*D] that are seen as heads.
    private sealed record Heads(Value Tokens, long Count)
    {
        /// <summary>The tokens behind [B*H,T,D] or [B,H,T,D].</summary>
        public static Heads? Of(Value value)
        {
            if (value.Producer is { Domain: "", OperatorType: "Reshape" } joining && joining.Inputs[0]!.Type!.Value.Shape is { Rank: 4 } four &&
                value.Type!.Value.Shape == new Shape(four[0] * four[1], four[2], four[3]))
            {
                value = joining.Inputs[0]!;
            }

            return FromPermuted(value, [0, 2, 1, 3]);
        }

        /// <summary>The tokens behind [B*H,D,T] or [B,H,D,T].</summary>
        public static Heads? OfTransposed(Value value)
        {
            if (value.Producer is { Domain: "", OperatorType: "Transpose" } transpose && transpose.Attributes.Ints("perm") is [0, 2, 1] or [0, 1, 3, 2])
            {
                return Of(transpose.Inputs[0]!);
            }

            if (value.Producer is { Domain: "", OperatorType: "Reshape" } joining && joining.Inputs[0]!.Type!.Value.Shape is { Rank: 4 } four &&
                value.Type!.Value.Shape == new Shape(four[0] * four[1], four[2], four[3]))
            {
                value = joining.Inputs[0]!;
            }

            return FromPermuted(value, [0, 2, 3, 1]);
        }

        private static Heads? FromPermuted(Value value, long[] permutation)
        {
            if (value.Producer is not { Domain: "", OperatorType: "Transpose" } transpose || transpose.Attributes.Ints("perm") is not { } found || !found.AsSpan().SequenceEqual(permutation) ||
                transpose.Inputs[0]!.Producer is not { Domain: "", OperatorType: "Reshape" } splitting)
            {
                return null;
            }

            Shape heads = transpose.Inputs[0]!.Type!.Value.Shape;
            Value tokens = splitting.Inputs[0]!;
            return heads.Rank == 4 && tokens.Type!.Value.Shape == new Shape(heads[0], heads[1], heads[2] * heads[3]) ? new Heads(tokens, heads[2]) : null;
        }
    }
}
