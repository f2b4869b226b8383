using System.Globalization;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Gguf;

/// <summary>Writes a graph node by node, in an order in which they can be computed.</summary>
internal sealed class GraphWriter
{
    /// <summary>The version of ONNX's operators that the nodes are written in: the first with Attention and RMSNormalization.</summary>
    public const int OperatorSet = 23;

    private readonly Dictionary<string, int> _names = [];

    /// <summary>The graph so far.</summary>
    public required Graph Graph { get; init; }

    /// <summary>Adds an input.</summary>
    public Value Input(string name, ElementType type, params Dimension[] dimensions)
    {
        Value value = new(name) { Declared = new ValueMetadata(name, type, dimensions) };
        Graph.Inputs.Add(value);
        return value;
    }

    /// <summary>Makes a value an output.</summary>
    public void Output(Value value, ElementType type, params Dimension[] dimensions)
    {
        value.Declared = new ValueMetadata(value.Name, type, dimensions);
        Graph.Outputs.Add(value);
    }

    /// <summary>A constant of whole numbers, in one dimension.</summary>
    public Value Integers(params ReadOnlySpan<long> numbers) => Constant(Tensors.Constant.Of(new Shape(numbers.Length), numbers));

    /// <summary>A constant without dimensions.</summary>
    public Value Scalar<T>(T number)
        where T : unmanaged => Constant(Tensors.Constant.Of(Shape.Scalar, number));

    /// <summary>A constant.</summary>
    public Value Constant(Constant constant, string? name = null) => new(name ?? Unique("constant")) { Type = constant.Type, Constant = constant };

    /// <summary>Adds a node with one output.</summary>
    public Value Add(string operatorType, IReadOnlyList<Value?> inputs, params (string Name, object Value)[] attributes)
    {
        Value output = new(Unique(operatorType));
        Add(operatorType, inputs, [output], attributes);
        return output;
    }

    /// <summary>Adds a node.</summary>
    public void Add(string operatorType, IReadOnlyList<Value?> inputs, IReadOnlyList<Value?> outputs, params (string Name, object Value)[] attributes) =>
        Graph.Nodes.Add(new Node(operatorType, "", OperatorSet, outputs[0]!.Name, inputs, outputs, new Attributes(attributes.ToDictionary(attribute => attribute.Name, attribute => attribute.Value))));

    /// <summary>The part of the names of the nodes to come, such as a layer.</summary>
    public string Prefix { get; set; } = "";

    private string Unique(string name)
    {
        name = $"{Prefix}{name}";
        int number = _names[name] = _names.GetValueOrDefault(name) + 1;
        return number == 1 ? name : $"{name}.{number.ToString(CultureInfo.InvariantCulture)}";
    }
}
