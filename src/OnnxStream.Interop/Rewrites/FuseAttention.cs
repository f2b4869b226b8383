using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Makes one Attention out of the matrix products and the softmax that exporters spell it with.</summary>
/// <remarks>
/// <code>
/// s = MatMul(q, k');  p = Softmax(Add(scale * s, mask), last axis);  y = MatMul(p, v)
/// y' = MatMul(v', Transpose(p))     (channel-major, as in the original VAE)
/// </code>
/// The scale is a Mul or Div by a constant behind the product, on q, on k or on k'; Reshapes that keep the last two
/// dimensions may stand anywhere. The mask is the same for all heads and images. q, k, v may be heads:
/// Transpose(Reshape(tokens [B,T,H*D], [B,T,H,D]), 0,2,1,3), with or without a Reshape to [B*H,T,D]; then the tokens are used
/// directly and y's way back to tokens disappears too. All others are taken as matrices of one head. Keys and values that several heads
/// share, Reshape(Expand(Unsqueeze(k [B,K,S,D])) [B,K,G,S,D], [B,K*G,S,D]), are not repeated.
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

        bool emptyRowsAreZero = softmax.Fusion is SoftmaxFusion { EmptyRowsAreZero: true };
        (long queries, long keys) = (shape[^2], shape[^1]);
        if (Scores(editor, softmax.Inputs[0]!, queries, keys) is { } scores && FindProduct(editor, softmax.Outputs[0]!) is { } use &&
            scores.Product.Inputs[0]!.Type!.Value.Shape.ElementCount > 0 && use.Value.Type!.Value.Shape.ElementCount > 0 &&
            !TryFuseTokens(editor, scores, use, emptyRowsAreZero))
        {
            TryFuseMatrices(editor, scores, use, emptyRowsAreZero);
        }
    }

    // All three are heads of tokens, and so is the result.
    private static bool TryFuseTokens(GraphEditor editor, Scoring scores, Use use, bool emptyRowsAreZero)
    {
        if (use.IsTransposed ||
            Heads.Of(scores.Product.Inputs[0]!) is not { } query || Heads.OfTransposed(scores.Product.Inputs[1]!) is not { } key || Heads.Of(use.Value) is not { Scale: 1 } value ||
            query.Count != key.Count || query.Count != value.Count || query.Batch != key.Batch || query.Batch != value.Batch ||
            scores.Product.Outputs[0]!.Type!.Value.Shape.ElementCount != query.Batch * query.Count * query.Length * key.Length ||
            BackToTokens(editor, use.Product.Outputs[0]!, query.Count) is not { } merge)
        {
            return false;
        }

        editor.Replace(merge, FusedAttention.Name, Inputs(query.Tokens, key.Tokens, value.Tokens, scores.Mask), new AttentionFusion(query.Count, 1, scores.Scale * query.Scale * key.Scale, emptyRowsAreZero));
        return true;
    }

    // Matrices with dimensions in front that are the same for all three.
    private static void TryFuseMatrices(GraphEditor editor, Scoring scores, Use use, bool emptyRowsAreZero)
    {
        Node last = use.Product;
        float scale = scores.Scale;
        Value query = Unscaled(scores.Product.Inputs[0]!, ref scale);
        Value keyTransposed = Unscaled(scores.Product.Inputs[1]!, ref scale);
        Shape queryShape = query.Type!.Value.Shape;
        Shape keyShape = keyTransposed.Type!.Value.Shape;
        Shape valueShape = use.Value.Type!.Value.Shape;
        int rank = queryShape.Rank;
        if (rank is not (3 or 4) || keyShape.Rank != rank || valueShape.Rank != rank || last.Outputs[0]!.Type!.Value.Shape.Rank != rank)
        {
            return;
        }

        for (int i = 0; i < rank - 2; i++)
        {
            if (keyShape[i] != queryShape[i] || valueShape[i] != queryShape[i])
            {
                return;
            }
        }

        Value key = keyTransposed.Producer is { Domain: "", OperatorType: "Transpose" } transpose && transpose.Attributes.Ints("perm") is [0, 2, 1] or [0, 1, 3, 2]
            ? Unscaled(transpose.Inputs[0]!, ref scale)
            : editor.Add(last, "Transpose", "", [keyTransposed], ("perm", rank == 3 ? [0, 2, 1] : new long[] { 0, 1, 3, 2 }));
        Value value = use.IsTransposed ? editor.Add(last, "Transpose", "", [use.Value], ("perm", new long[] { 0, 2, 1 })) : use.Value;
        long group = 1;
        if (Repeated(key) is { } sharedKey && Repeated(value) is { } sharedValue && sharedKey.Group == sharedValue.Group)
        {
            (key, value, group) = (sharedKey.Heads, sharedValue.Heads, sharedKey.Group);
        }

        List<Value?> inputs = Inputs(Flat(query), Flat(key), Flat(value), scores.Mask);
        AttentionFusion fusion = new(1, group, scale, emptyRowsAreZero);
        if (rank == 3 && !use.IsTransposed)
        {
            editor.Replace(last, FusedAttention.Name, inputs, fusion);
            return;
        }

        Value result = editor.Add(last, FusedAttention.Name, inputs, fusion);
        if (use.IsTransposed)
        {
            editor.Replace(last, "Transpose", "", [result], ("perm", new long[] { 0, 2, 1 }));
        }
        else
        {
            editor.Replace(last, "Reshape", "", [result, GraphEditor.ShapeConstant(last.Outputs[0]!.Type!.Value.Shape)]);
        }

        Value Flat(Value matrices)
        {
            Shape shape = matrices.Type!.Value.Shape;
            return shape.Rank == 3 ? matrices : editor.Add(last, "Reshape", "", [matrices, GraphEditor.ShapeConstant(new Shape(shape[0] * shape[1], shape[2], shape[3]))]);
        }
    }

    // Heads [B,K,S,D] of which each stands for several, one behind the other.
    private static (Value Heads, long Group)? Repeated(Value heads)
    {
        if (heads.Producer is not { Domain: "", OperatorType: "Reshape" } joining || joining.Inputs[0]!.Producer is not { Domain: "", OperatorType: "Expand" or "Tile" } repeating ||
            repeating.Inputs[0]!.Producer is not { Domain: "", OperatorType: "Unsqueeze" or "Reshape" } splitting)
        {
            return null;
        }

        Shape shape = splitting.Inputs[0]!.Type!.Value.Shape;
        Shape repeated = joining.Inputs[0]!.Type!.Value.Shape;
        return shape.Rank == 4 && repeated.Rank == 5 && repeating.Inputs[0]!.Type!.Value.Shape == new Shape(shape[0], shape[1], 1, shape[2], shape[3]) &&
            repeated == new Shape(shape[0], shape[1], repeated[2], shape[2], shape[3]) && heads.Type!.Value.Shape == new Shape(shape[0], shape[1] * repeated[2], shape[2], shape[3])
            ? (splitting.Inputs[0]!, repeated[2])
            : null;
    }

    private static List<Value?> Inputs(Value query, Value key, Value value, Value? mask) => mask is null ? [query, key, value] : [query, key, value, mask];

    // What is behind multiplications by constants.
    private static Value Unscaled(Value value, ref float scale)
    {
        while (value.Producer is { Domain: "" } node && Scaling(node) is var (input, factor) && input.Type == value.Type)
        {
            (value, scale) = (input, scale * factor);
        }

        return value;
    }

    // For a product with, or a quotient by, a constant number: the other operand and the factor.
    private static (Value Input, float Factor)? Scaling(Node node) => node.OperatorType switch
    {
        "Mul" when GraphEditor.Scalar(node.Inputs[0]) is { } factor => (node.Inputs[1]!, factor),
        "Mul" when GraphEditor.Scalar(node.Inputs[1]) is { } factor => (node.Inputs[0]!, factor),
        "Div" when GraphEditor.Scalar(node.Inputs[1]) is { } factor and not 0 => (node.Inputs[0]!, 1 / factor),
        _ => null,
    };

    // Walks from the softmax up to the product of queries and keys.
    private static Scoring? Scores(GraphEditor editor, Value value, long queries, long keys)
    {
        float scale = 1;
        Value? mask = null;
        while (editor.OnlyConsumer(value) is not null && value.Producer is { Domain: "" } node)
        {
            switch (node.OperatorType)
            {
                case "MatMul":
                    return new Scoring(node, scale, mask);
                case "Reshape" when node.Inputs[0]!.Type!.Value.Shape is { Rank: >= 2 } shape && shape[^1] == keys && shape[^2] == queries:
                    value = node.Inputs[0]!;
                    break;
                case "Mul" or "Div" when Scaling(node) is var (input, factor):
                    (value, scale) = (input, scale * factor);
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
    private static Use? FindProduct(GraphEditor editor, Value weights)
    {
        bool transposed = false;
        while (editor.OnlyConsumer(weights) is { Domain: "" } node)
        {
            switch (node.OperatorType)
            {
                case "MatMul" when !transposed && ReferenceEquals(node.Inputs[0], weights):
                    return new Use(node, node.Inputs[1]!, false);
                case "MatMul" when transposed && ReferenceEquals(node.Inputs[1], weights):
                    return new Use(node, node.Inputs[0]!, true);
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

    // scale * product + mask
    private readonly record struct Scoring(Node Product, float Scale, Value? Mask);

    // The product of the weights with the values; transposed, of the values with the weights.
    private readonly record struct Use(Node Product, Value Value, bool IsTransposed);

    // Tokens [B,T,H*D] that are seen as heads, times a number.
    private sealed record Heads(Value Tokens, long Count, float Scale)
    {
        public long Batch => Tokens.Type!.Value.Shape[0];

        public long Length => Tokens.Type!.Value.Shape[1];

        /// <summary>The tokens behind [B*H,T,D] or [B,H,T,D].</summary>
        public static Heads? Of(Value value) => Of(value, 1);

        /// <summary>The tokens behind [B*H,D,T] or [B,H,D,T].</summary>
        public static Heads? OfTransposed(Value value)
        {
            float scale = 1;
            value = Unscaled(value, ref scale);
            return value.Producer is { Domain: "", OperatorType: "Transpose" } transpose && transpose.Attributes.Ints("perm") is [0, 2, 1] or [0, 1, 3, 2]
                ? Of(transpose.Inputs[0]!, scale)
                : FromPermuted(Joined(value), [0, 2, 3, 1], scale);
        }

        private static Heads? Of(Value value, float scale)
        {
            value = Unscaled(value, ref scale);
            value = Joined(value);
            return FromPermuted(Unscaled(value, ref scale), [0, 2, 1, 3], scale);
        }

        // What is behind the Reshape from [B,H,..] to [B*H,..].
        private static Value Joined(Value value) =>
            value.Producer is { Domain: "", OperatorType: "Reshape" } joining && joining.Inputs[0]!.Type!.Value.Shape is { Rank: 4 } four &&
            value.Type!.Value.Shape == new Shape(four[0] * four[1], four[2], four[3]) ? joining.Inputs[0]! : value;

        private static Heads? FromPermuted(Value value, long[] permutation, float scale)
        {
            if (value.Producer is not { Domain: "", OperatorType: "Transpose" } transpose || transpose.Attributes.Ints("perm") is not { } found || !found.AsSpan().SequenceEqual(permutation) ||
                transpose.Inputs[0]!.Producer is not { Domain: "", OperatorType: "Reshape" } splitting)
            {
                return null;
            }

            Shape heads = transpose.Inputs[0]!.Type!.Value.Shape;
            Value tokens = splitting.Inputs[0]!;
            return heads.Rank == 4 && tokens.Type!.Value.Shape == new Shape(heads[0], heads[1], heads[2] * heads[3]) ? new Heads(Unscaled(tokens, ref scale), heads[2], scale) : null;
        }
    }
}
