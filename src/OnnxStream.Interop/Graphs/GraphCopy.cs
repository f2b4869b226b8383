namespace OnnxStream.Interop.Graphs;

/// <summary>A copy of a graph that may be changed: nodes and values are its own, those of graphs inside of nodes included. Weights stay where they are.</summary>
internal sealed class GraphCopy
{
    private readonly Dictionary<Value, Value> _values = [];
    private readonly Dictionary<Node, Node> _nodes = [];

    private GraphCopy()
    {
    }

    /// <summary>The copy.</summary>
    public Graph Graph { get; private set; } = null!;

    /// <summary>What became of the values.</summary>
    public IReadOnlyDictionary<Value, Value> Values => _values;

    /// <summary>What became of the nodes.</summary>
    public IReadOnlyDictionary<Node, Node> Nodes => _nodes;

    /// <summary>Copies a graph.</summary>
    public static GraphCopy Of(Graph graph)
    {
        GraphCopy copy = new();
        copy.Graph = copy.Copy(graph);
        return copy;
    }

    private Graph Copy(Graph graph) => new()
    {
        Name = graph.Name,
        Inputs = [.. graph.Inputs.Select(ValueOf)],
        OptionalInputs = [.. graph.OptionalInputs.Select(ValueOf)],
        Nodes = [.. graph.Nodes.Select(Copy)],
        Outputs = [.. graph.Outputs.Select(ValueOf)],
    };

    private Node Copy(Node node)
    {
        Value?[] inputs = Array.ConvertAll(node.Inputs, input => input is null ? null : ValueOf(input));
        Value?[] outputs = Array.ConvertAll(node.Outputs, output => output is null ? null : ValueOf(output));
        Dictionary<string, object> attributes = node.Attributes.All.ToDictionary(pair => pair.Key, pair => pair.Value is Graph inner ? Copy(inner) : pair.Value);
        Node copy = new(node.OperatorType, node.Domain, node.OperatorSet, node.Name, inputs, outputs, new Attributes(attributes)) { Fusion = node.Fusion, Origin = node.Origin };
        _nodes.Add(node, copy);
        return copy;
    }

    private Value ValueOf(Value value)
    {
        if (!_values.TryGetValue(value, out Value? copy))
        {
            copy = new Value(value.Name) { Type = value.Type, Declared = value.Declared, Constant = value.Constant, IsOptionalInput = value.IsOptionalInput };
            _values.Add(value, copy);
        }

        return copy;
    }
}
