using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Makes one operator of a cache that grows and the attention to it, so that the cache is read and extended where it is.</summary>
/// <remarks>
/// It finds, for tensors of single precision: Concat of a past and what is new to a present, for keys and for values; the product of queries with the transposed keys; factors and biases in any order
/// in which the factors come first; Softmax; the product with the values. Keys and values may be repeated for groups of heads. Nobody else may read what is in between.
/// </remarks>
internal sealed class FuseCachedAttention
{
    private readonly GraphEditor _editor;
    private readonly Graph _graph;
    private readonly IReadOnlyList<StateCache> _caches;
    private readonly Func<Value, bool> _varies;

    private FuseCachedAttention(Graph graph, IReadOnlyList<StateCache> caches, Func<Value, bool> varies)
    {
        _graph = graph;
        _editor = new GraphEditor(graph);
        _caches = caches;
        _varies = varies;
    }

    /// <summary>Rewrites a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="caches">The tensors of the state that grow.</param>
    /// <param name="varies">Whether the content of a constant depends on how far the state has grown.</param>
    /// <returns>The new nodes.</returns>
    public static IReadOnlyList<Node> Apply(Graph graph, IReadOnlyList<StateCache> caches, Func<Value, bool> varies)
    {
        FuseCachedAttention pass = new(graph, caches, varies);
        List<Node> added = [.. graph.Nodes.Where(node => node is { Domain: "", OperatorType: "Softmax" }).Select(pass.TryFuse).OfType<Node>()];
        if (added.Count > 0)
        {
            // The old nodes that made presents do not any more.
            HashSet<Value> made = [.. added.SelectMany(node => node.Outputs).OfType<Value>()];
            graph.Nodes.RemoveAll(node => !added.Contains(node) && node.Outputs.OfType<Value>().Any(made.Contains));
            graph.Nodes.AddRange(added);
            graph.SortTopologically();
            EliminateDeadNodes.Apply(graph);
        }

        return added;
    }

    private Node? TryFuse(Node softmax)
    {
        Value input = softmax.Inputs[0]!;
        if (input.Type!.Value is not { ElementType: ElementType.Float32, Shape: { Rank: 4 } shape } || softmax.Attributes.Int("axis", softmax.OperatorSet < 13 ? 1 : -1) is not (-1 or 3) ||
            Scores(input, shape) is not { } scores || _editor.OnlyConsumer(softmax.Outputs[0]!) is not { Domain: "", OperatorType: "MatMul" } mixing || !ReferenceEquals(mixing.Inputs[0], softmax.Outputs[0]) ||
            scores.Product.Inputs[1]!.Producer is not { Domain: "", OperatorType: "Transpose" } turned || turned.Attributes.Ints("perm") is not [0, 1, 3, 2] || _editor.OnlyConsumer(turned.Outputs[0]!) is null ||
            FindCache(turned.Inputs[0]!, turned) is not { } keys || FindCache(mixing.Inputs[1]!, mixing) is not { } values)
        {
            return null;
        }

        CachedAttentionFusion fusion = new(scores.Scale, softmax.Fusion is SoftmaxFusion { EmptyRowsAreZero: true }, keys.Cache.Capacity, values.Cache.Capacity);
        Value?[] inputs = [scores.Product.Inputs[0], keys.Added, values.Added, keys.Cache.Past, values.Cache.Past, .. scores.Biases];
        Value context = mixing.Outputs[0]!;
        Node node = new(CachedAttention.Name, OperatorSets.InternalDomain, OperatorSets.Newest, mixing.Name, inputs, [new Value(""), new Value(""), new Value("")], new Attributes()) { Fusion = fusion };
        try
        {
            OperatorRegistry.Get(node).Infer(new InferenceContext(node));
        }
        catch (InvalidGraphException)
        {
            return null;
        }

        Value[] outputs = [context, keys.Cache.Present, values.Cache.Present];
        return node.Outputs.Zip(outputs).All(pair => pair.First!.Type == pair.Second.Type)
            ? new Node(CachedAttention.Name, OperatorSets.InternalDomain, OperatorSets.Newest, mixing.Name, inputs, outputs, new Attributes()) { Fusion = fusion } : null;
    }

    // Walks from the softmax up to the product of queries and keys.
    private Scoring? Scores(Value value, Shape shape)
    {
        float scale = 1;
        List<Value> biases = [];
        while (_editor.OnlyConsumer(value) is not null && value.Producer is { Domain: "" } node && value.Type!.Value.Shape == shape)
        {
            switch (node.OperatorType)
            {
                case "MatMul":
                    return new Scoring(node, scale, biases);
                case "Mul" when Factor(node.Inputs[1]!) is { } factor:
                    (value, scale) = (node.Inputs[0]!, scale * factor);
                    break;
                case "Mul" when Factor(node.Inputs[0]!) is { } factor:
                    (value, scale) = (node.Inputs[1]!, scale * factor);
                    break;
                case "Div" when Factor(node.Inputs[1]!) is { } factor and not 0:
                    (value, scale) = (node.Inputs[0]!, scale / factor);
                    break;
                case "Add" when scale == 1:
                    int side = LeadsToProduct(node.Inputs[0]!, shape) ? 0 : 1;
                    biases.Add(node.Inputs[1 - side]!);
                    value = node.Inputs[side]!;
                    break;
                default:
                    return null;
            }
        }

        return null;
    }

    private bool LeadsToProduct(Value value, Shape shape)
    {
        while (value.Type!.Value.Shape == shape && _editor.OnlyConsumer(value) is not null && value.Producer is { Domain: "" } node)
        {
            switch (node.OperatorType)
            {
                case "MatMul":
                    return true;
                case "Add" when LeadsToProduct(node.Inputs[1]!, shape):
                    return true;
                case "Mul" when Factor(node.Inputs[0]!) is not null:
                    value = node.Inputs[1]!;
                    break;
                case "Add" or "Mul" or "Div":
                    value = node.Inputs[0]!;
                    break;
                default:
                    return false;
            }
        }

        return false;
    }

    private float? Factor(Value value) => _varies(value) ? null : GraphEditor.Scalar(value);

    // The cache that a value is, possibly with each head repeated, if only the attention reads it.
    private Cached? FindCache(Value value, Node reader)
    {
        if (Repeated(value, reader) is { } repeated)
        {
            (value, reader) = repeated;
        }

        // The graph may return the value under another name.
        while (value.Producer is { Domain: "", OperatorType: "Identity" } view)
        {
            value = view.Inputs[0]!;
        }

        if (value.Producer is not { Domain: "", OperatorType: "Concat", Inputs: [{ } past, { } added] } joining || _caches.FirstOrDefault(cache => cache.Past == past) is not { Axis: 2 } found ||
            past.Type!.Value is not { ElementType: ElementType.Float32, Shape.Rank: 4 } || joining.Attributes.Int("axis", 0) is not (2 or -2) ||
            !Names(value).Contains(found.Present) || _editor.OnlyConsumer(past) is null)
        {
            return null;
        }

        // Whoever reads it is the attention, or gives it another name.
        HashSet<Value> names = [.. Names(value)];
        return names.SelectMany(_editor.Consumers).All(node => node == reader || (node is { Domain: "", OperatorType: "Identity" } && names.Contains(node.Outputs[0]!))) &&
            names.All(name => name == found.Present || !_graph.Outputs.Contains(name)) ? new Cached(found, added) : null;
    }

    // A value and what Identity makes of it.
    private IEnumerable<Value> Names(Value value) =>
        _editor.Consumers(value).Where(node => node is { Domain: "", OperatorType: "Identity" }).SelectMany(node => Names(node.Outputs[0]!)).Prepend(value);

    // Reshape [B,G,S,D] to [B,G,1,S,D], Expand, and Reshape to [B,H,S,D].
    private (Value Heads, Node Reader)? Repeated(Value value, Node reader)
    {
        if (value.Producer is not { Domain: "", OperatorType: "Reshape" } joining || _editor.OnlyConsumer(value) != reader ||
            joining.Inputs[0]!.Producer is not { Domain: "", OperatorType: "Expand" } expanding || _editor.OnlyConsumer(joining.Inputs[0]!) is null ||
            expanding.Inputs[0]!.Producer is not { Domain: "", OperatorType: "Reshape" or "Unsqueeze" } splitting || _editor.OnlyConsumer(expanding.Inputs[0]!) is null)
        {
            return null;
        }

        Shape heads = splitting.Inputs[0]!.Type!.Value.Shape;
        Shape wide = joining.Inputs[0]!.Type!.Value.Shape;
        return heads.Rank == 4 && wide.Rank == 5 && expanding.Inputs[0]!.Type!.Value.Shape == new Shape(heads[0], heads[1], 1, heads[2], heads[3]) &&
            wide == new Shape(heads[0], heads[1], wide[2], heads[2], heads[3]) && value.Type!.Value.Shape == new Shape(heads[0], heads[1] * wide[2], heads[2], heads[3])
            ? (splitting.Inputs[0]!, splitting) : null;
    }

    // A cache, and what a run puts behind it.
    private sealed record Cached(StateCache Cache, Value Added);

    // scale * product + biases
    private sealed record Scoring(Node Product, float Scale, IReadOnlyList<Value> Biases);
}
