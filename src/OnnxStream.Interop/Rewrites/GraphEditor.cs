using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>What a pass uses to find a pattern in a specialized graph and to put other nodes in its place.</summary>
/// <remarks>
/// A pattern is replaced by letting new nodes make the value that its last node made. What only the old nodes read is left
/// to the pass for dead nodes.
/// </remarks>
internal sealed class GraphEditor
{
    private readonly Graph _graph;
    private readonly Dictionary<Value, List<Node>> _consumers;
    private readonly HashSet<Value> _outputs;
    private readonly List<(Node Before, Node Added)> _added = [];
    private readonly HashSet<Node> _removed = [];

    /// <summary>Starts editing.</summary>
    public GraphEditor(Graph graph)
    {
        _graph = graph;
        _consumers = graph.Consumers();
        _outputs = [.. graph.Outputs];
    }

    /// <summary>The only node that reads a value, if there is exactly one and the graph does not return the value; else null.</summary>
    public Node? OnlyConsumer(Value value) =>
        !_outputs.Contains(value) && _consumers.TryGetValue(value, out List<Node>? nodes) && nodes.Count == 1 ? nodes[0] : null;

    /// <summary>The nodes that read a value.</summary>
    public IReadOnlyList<Node> Consumers(Value value) => _consumers.GetValueOrDefault(value, []);

    /// <summary>Whether nobody but <paramref name="nodes"/> reads a value.</summary>
    public bool IsReadOnlyBy(Value value, params ReadOnlySpan<Node> nodes)
    {
        if (_outputs.Contains(value))
        {
            return false;
        }

        foreach (Node consumer in _consumers.GetValueOrDefault(value, []))
        {
            bool found = false;
            foreach (Node node in nodes)
            {
                found |= ReferenceEquals(node, consumer);
            }

            if (!found)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The node of this ONNX operator that makes a value, if nobody else reads the value; else null.</summary>
    public Node? Producer(Value? value, string operatorType) =>
        value?.Producer is { Domain: "" } node && node.OperatorType == operatorType && OnlyConsumer(value) is not null ? node : null;

    /// <summary>The number that a constant of one element holds; null if it is none.</summary>
    public static float? Scalar(Value? value) => value?.Constant?.TryReadScalar();

    /// <summary>The numbers that a constant of int64 holds; null if it is none.</summary>
    public static long[]? Integers(Value? value) =>
        value?.Constant?.TryReadIntegers();

    /// <summary>Whether a value is a constant of one element, close to <paramref name="number"/> or what half precision makes of it.</summary>
    public static bool IsScalar(Value? value, float number) =>
        Scalar(value) is { } scalar && (MathF.Abs(scalar - number) <= 1e-4f * MathF.Abs(number) || scalar == (float)(Half)number || scalar == ToBrainFloat(number));

    // To the nearest, ties to even.
    private static float ToBrainFloat(float number)
    {
        uint bits = BitConverter.SingleToUInt32Bits(number);
        return BitConverter.UInt32BitsToSingle((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000);
    }

    /// <summary>For a node with two inputs of which one is <paramref name="value"/>: the other one.</summary>
    public static Value? Other(Node node, Value value) =>
        node.Inputs.Length != 2 ? null :
        ReferenceEquals(node.Inputs[0], value) ? node.Inputs[1] :
        ReferenceEquals(node.Inputs[1], value) ? node.Inputs[0] : null;

    /// <summary>A constant that holds a shape, as Reshape takes it.</summary>
    public static Value ShapeConstant(Shape shape)
    {
        Constant constant = Constant.FromData(new TensorType(ElementType.Int64, new Shape(shape.Rank)), MemoryMarshal.AsBytes(shape.Dimensions).ToArray());
        return new Value(shape.ToString()) { Type = constant.Type, Constant = constant };
    }

    /// <summary>Adds a node in front of <paramref name="before"/> and returns its output, whose type is inferred.</summary>
    public Value Add(Node before, string operatorType, string domain, IReadOnlyList<Value?> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        Value output = new($"{before.Outputs[0]!.Name}/{operatorType}");
        Node node = Make(before, operatorType, domain, inputs, output, attributes);
        _added.Add((before, node));
        return output;
    }

    /// <summary>Adds a node of an internal operator in front of <paramref name="before"/> and returns its output, whose type is inferred.</summary>
    public Value Add(Node before, string operatorType, IReadOnlyList<Value?> inputs, NodeFusion fusion)
    {
        Value output = new($"{before.Outputs[0]!.Name}/{operatorType}");
        _added.Add((before, Make(before, operatorType, inputs, output, fusion, null)));
        return output;
    }

    /// <summary>Lets a new node make the value that <paramref name="last"/> made.</summary>
    /// <remarks>Nothing happens if the value would get another type: constants of one element may add dimensions, which no pattern expects.</remarks>
    public void Replace(Node last, string operatorType, string domain, IReadOnlyList<Value?> inputs, params ReadOnlySpan<(string Name, object Value)> attributes) =>
        Replace(last, Make(last, operatorType, domain, inputs, new Value(last.Outputs[0]!.Name), attributes));

    /// <summary>Lets a new node of an internal operator make the value that <paramref name="last"/> made.</summary>
    /// <param name="last">The last node of the pattern.</param>
    /// <param name="operatorType">The operator, of <see cref="OperatorSets.InternalDomain"/>.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="fusion">What the operator is told.</param>
    /// <param name="original">The node whose attributes it keeps, where the operator is one of ONNX's on another layout.</param>
    public void Replace(Node last, string operatorType, IReadOnlyList<Value?> inputs, NodeFusion fusion, Node? original = null) =>
        Replace(last, Make(last, operatorType, inputs, new Value(last.Outputs[0]!.Name), fusion, original));

    /// <summary>Lets a node like another one, with other inputs, make the value that <paramref name="last"/> made.</summary>
    public void Replace(Node last, Node original, IReadOnlyList<Value?> inputs)
    {
        Node node = new(original.OperatorType, original.Domain, original.OperatorSet, original.Name, inputs, [new Value(last.Outputs[0]!.Name)], original.Attributes);
        OperatorRegistry.Get(node).Infer(new InferenceContext(node));
        Replace(last, node);
    }

    private void Replace(Node last, Node node)
    {
        Value output = last.Outputs[0]!;
        Value result = node.Outputs[0]!;
        if (result.Type != output.Type)
        {
            return;
        }

        node.Outputs[0] = output;
        output.Producer = node;
        _added.Add((last, node));
        _removed.Add(last);
    }

    /// <summary>Puts the new nodes where they belong.</summary>
    public void Apply()
    {
        if (_added.Count == 0)
        {
            return;
        }

        ILookup<Node, Node> added = _added.ToLookup(pair => pair.Before, pair => pair.Added);
        List<Node> nodes = new(_graph.Nodes.Count + _added.Count);
        foreach (Node node in _graph.Nodes)
        {
            nodes.AddRange(added[node]);
            if (!_removed.Contains(node))
            {
                nodes.Add(node);
            }
        }

        _graph.Nodes.Clear();
        _graph.Nodes.AddRange(nodes);
        EliminateDeadNodes.Apply(_graph);
    }

    /// <summary>A new node with the name of another, whose output type is inferred.</summary>
    public static Node Make(Node origin, string operatorType, string domain, IReadOnlyList<Value?> inputs, Value output, ReadOnlySpan<(string Name, object Value)> attributes)
    {
        Dictionary<string, object> values = [];
        foreach ((string name, object value) in attributes)
        {
            values.Add(name, value);
        }

        Node node = new(operatorType, domain, OperatorSets.Newest, origin.Name, inputs, [output], new Attributes(values));
        OperatorRegistry.Get(node).Infer(new InferenceContext(node));
        return node;
    }

    private static Node Make(Node origin, string operatorType, IReadOnlyList<Value?> inputs, Value output, NodeFusion fusion, Node? original)
    {
        Node node = new(operatorType, OperatorSets.InternalDomain, OperatorSets.Newest, origin.Name, inputs, [output], new Attributes(original?.Attributes.All)) { Fusion = fusion };
        OperatorRegistry.Get(node).Infer(new InferenceContext(node));
        return node;
    }
}
