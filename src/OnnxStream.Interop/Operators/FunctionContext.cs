using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>What an operator that is made of others uses to add their nodes. Each has its types as soon as it is added.</summary>
/// <param name="node">The node that is replaced.</param>
/// <param name="add">Adds a node to the graph and infers its types.</param>
/// <param name="specialized">What a value of the model's graph became.</param>
internal sealed class FunctionContext(Node node, Action<Node> add, Func<Value, Value> specialized) : NodeContext(node)
{
    private readonly Dictionary<int, Value> _outputs = [];
    private int _count;

    /// <summary>What became of the outputs, by index.</summary>
    public IReadOnlyDictionary<int, Value> Outputs => _outputs;

    /// <summary>Input <paramref name="index"/>.</summary>
    /// <exception cref="InvalidGraphException">It is left out.</exception>
    public Value Input(int index) => HasInput(index) ? Node.Inputs[index]! : throw Invalid($"input {index} is missing");

    /// <summary>Input <paramref name="index"/>, or null if it is left out.</summary>
    public Value? OptionalInput(int index) => HasInput(index) ? Node.Inputs[index] : null;

    /// <summary>Adds a node of the newest operator set with one output.</summary>
    public Value Add(string operatorType, Value?[] inputs, params (string Name, object Value)[] attributes) => AddMany(operatorType, 1, inputs, attributes)[0];

    /// <summary>As the other, with what no attribute can say.</summary>
    public Value Add(string operatorType, Value?[] inputs, NodeFusion fusion, params (string Name, object Value)[] attributes) => AddMany(operatorType, 1, inputs, fusion, attributes)[0];

    /// <summary>Adds a node of the newest operator set.</summary>
    /// <param name="operatorType">The operator, of ONNX's own domain.</param>
    /// <param name="outputCount">The number of outputs.</param>
    /// <param name="inputs">The inputs; null for one that is left out.</param>
    /// <param name="attributes">The attributes; an int counts as a long.</param>
    public Value[] AddMany(string operatorType, int outputCount, Value?[] inputs, params (string Name, object Value)[] attributes) => AddMany(operatorType, outputCount, inputs, null, attributes);

    /// <summary>As the other, with what no attribute can say.</summary>
    public Value[] AddMany(string operatorType, int outputCount, Value?[] inputs, NodeFusion? fusion, (string Name, object Value)[] attributes) => AddMany("", operatorType, outputCount, inputs, fusion, attributes);

    /// <summary>Adds a <see cref="QuantizedProduct"/>.</summary>
    /// <param name="operands">What is multiplied.</param>
    /// <param name="fusion">How.</param>
    /// <param name="keepsAttributes">Whether it has the attributes of the node that is replaced.</param>
    public Value Add(QuantizedOperands operands, QuantizedProductFusion fusion, bool keepsAttributes = false) =>
        AddMany(OperatorSets.InternalDomain, QuantizedProduct.Name, 1, operands.Inputs, fusion, keepsAttributes ? [.. Attributes.All.Select(pair => (pair.Key, pair.Value))] : [])[0];

    /// <summary>Adds a node of the domain com.microsoft.</summary>
    public Value[] AddMicrosoft(string operatorType, int outputCount, Value?[] inputs, params (string Name, object Value)[] attributes) => AddMany(OperatorSets.MicrosoftDomain, operatorType, outputCount, inputs, null, attributes);

    /// <summary>Adds an internal operator without attributes that has one output.</summary>
    public Value AddInternal(string operatorType, params Value?[] inputs) => AddMany(OperatorSets.InternalDomain, operatorType, 1, inputs, null, [])[0];

    private Value[] AddMany(string domain, string operatorType, int outputCount, Value?[] inputs, NodeFusion? fusion, (string Name, object Value)[] attributes)
    {
        Value[] outputs = new Value[outputCount];
        for (int i = 0; i < outputCount; i++)
        {
            outputs[i] = new Value(NewName(operatorType));
        }

        Dictionary<string, object> values = attributes.ToDictionary(attribute => attribute.Name, attribute => attribute.Value is int number ? (long)number : attribute.Value);
        add(new Node(operatorType, domain, OperatorSets.Newest, outputs[0].Name, inputs, outputs, new Attributes(values)) { Origin = Node.Origin ?? Node, Fusion = fusion });
        return outputs;
    }

    /// <summary>A constant of these elements.</summary>
    public Value Constant<T>(ReadOnlySpan<T> elements, params ReadOnlySpan<long> dimensions)
        where T : unmanaged => Constant(Tensors.Constant.Of(new Shape(dimensions), elements));

    /// <summary>A vector of int64.</summary>
    public Value Integers(params ReadOnlySpan<long> elements) => Constant(elements, elements.Length);

    /// <summary>A single number of the given type.</summary>
    public Value Number(ElementType type, double number) =>
        type == ElementType.Float32 ? Constant([(float)number]) :
        type == ElementType.Float64 ? Constant([number]) :
        Add("Cast", [Constant([number])], ("to", (long)type));

    /// <summary>A value as another type.</summary>
    public Value Cast(Value value, ElementType type) => value.Type!.Value.ElementType == type ? value : Add("Cast", [value], ("to", (long)type));

    /// <summary>A value under another shape.</summary>
    public Value Reshape(Value value, params ReadOnlySpan<long> dimensions) => Add("Reshape", [value, Integers(dimensions)], ("allowzero", 1));

    /// <summary>A value with its axes in another order.</summary>
    public Value Transpose(Value value, params long[] order) => Add("Transpose", [value], ("perm", order));

    /// <summary>The part of a value between two positions of an axis.</summary>
    public Value Slice(Value value, long axis, long start, long end) => Add("Slice", [value, Integers(start), Integers(end), Integers(axis)]);

    /// <summary>Adds the nodes of a graph that is an attribute.</summary>
    /// <param name="graph">The graph of the model, which may read values around it.</param>
    /// <param name="inputs">Its inputs.</param>
    /// <returns>Its outputs.</returns>
    /// <exception cref="InvalidGraphException">It takes another number of inputs.</exception>
    /// <exception cref="UnsupportedOperatorException">There is control flow in it.</exception>
    public Value[] Inline(Graph graph, params ReadOnlySpan<Value> inputs)
    {
        if (graph.Inputs.Count != inputs.Length)
        {
            throw Invalid($"the graph '{graph.Name}' has {graph.Inputs.Count} inputs, expected {inputs.Length}");
        }

        Dictionary<Value, Value> own = [];
        for (int i = 0; i < inputs.Length; i++)
        {
            own.Add(graph.Inputs[i], inputs[i]);
        }

        foreach (Node inner in graph.Nodes)
        {
            if (!OperatorRegistry.Get(inner).IsStep)
            {
                throw Unsupported($"{inner} in the graph '{graph.Name}'");
            }

            Value?[] outputs = Array.ConvertAll(inner.Outputs, output => output is null ? null : new Value(NewName(inner.OperatorType)));
            add(new Node(inner.OperatorType, inner.Domain, inner.OperatorSet, inner.Name, Array.ConvertAll(inner.Inputs, input => input is null ? null : own.GetValueOrDefault(input) ?? specialized(input)), outputs, inner.Attributes) { Origin = Node.Origin ?? Node });
            for (int i = 0; i < outputs.Length; i++)
            {
                if (inner.Outputs[i] is { } output)
                {
                    own.Add(output, outputs[i]!);
                }
            }
        }

        return [.. graph.Outputs.Select(output => own.GetValueOrDefault(output) ?? specialized(output))];
    }

    /// <summary>Says what an output is; one that nobody asks for is ignored.</summary>
    public void SetOutput(int index, Value value)
    {
        if (HasOutput(index))
        {
            _outputs[index] = value;
        }
    }

    /// <summary>A value that is a constant.</summary>
    public Value Constant(Constant constant) => new(NewName("Constant")) { Type = constant.Type, Constant = constant };

    private string NewName(string operatorType) => $"{(Node.Name.Length > 0 ? Node.Name : Node.Outputs.FirstOrDefault(output => output is not null)?.Name)}/{operatorType}_{_count++}";
}
