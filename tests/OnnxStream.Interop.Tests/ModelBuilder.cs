using Google.Protobuf;
using Google.Protobuf.Collections;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests;

/// <summary>Builds small ONNX models in memory, for tests.</summary>
internal sealed class ModelBuilder
{
    private readonly GraphProto _graph = new() { Name = "test" };
    private readonly Dictionary<string, long> _operatorSets;

    public ModelBuilder(int operatorSet, string domain = "", int domainVersion = 1)
    {
        _operatorSets = new() { [""] = operatorSet };
        if (domain.Length > 0)
        {
            _operatorSets[domain] = domainVersion;
        }
    }

    public RepeatedField<NodeProto> Nodes => _graph.Node;

    public GraphProto Graph => _graph;

    /// <summary>An input with these dimensions; a negative one is open.</summary>
    public ModelBuilder Input(string name, ElementType type, params long[] dimensions)
    {
        _graph.Input.Add(Declare(name, type, dimensions));
        return this;
    }

    /// <summary>An output of unknown shape.</summary>
    public ModelBuilder Output(string name, ElementType type = ElementType.Float32)
    {
        _graph.Output.Add(new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new() { ElemType = (int)type } } });
        return this;
    }

    /// <summary>An input or output that is a sequence, or optional, or both; the dimensions are those of each tensor.</summary>
    public ModelBuilder Other(bool isInput, string name, ElementType type, bool isSequence, bool isOptional, params long[] dimensions)
    {
        ValueInfoProto value = Declare(name, type, dimensions);
        value.Type = isSequence ? new TypeProto { SequenceType = new() { ElemType = value.Type } } : value.Type;
        value.Type = isOptional ? new TypeProto { OptionalType = new() { ElemType = value.Type } } : value.Type;
        (isInput ? _graph.Input : _graph.Output).Add(value);
        return this;
    }

    /// <summary>An input that is a sequence of tensors with these dimensions; a negative one is open.</summary>
    public ModelBuilder SequenceInput(string name, ElementType type = ElementType.Float32, params long[] dimensions) => Other(true, name, type, true, false, dimensions);

    /// <summary>An output that is a sequence of tensors of unknown shape.</summary>
    public ModelBuilder SequenceOutput(string name, ElementType type = ElementType.Float32)
    {
        TypeProto tensor = new() { TensorType = new() { ElemType = (int)type } };
        _graph.Output.Add(new ValueInfoProto { Name = name, Type = new TypeProto { SequenceType = new() { ElemType = tensor } } });
        return this;
    }

    public ModelBuilder Initializer(string name, TensorBuffer tensor)
    {
        _graph.Initializer.Add(Tensor(name, tensor));
        return this;
    }

    /// <summary>A node; names are separated by spaces, "-" stands for an input or output that is left out.</summary>
    public ModelBuilder Node(string operatorType, string inputs, string outputs, params (string Name, object Value)[] attributes) =>
        Node("", operatorType, inputs, outputs, attributes);

    public ModelBuilder Node(string domain, string operatorType, string inputs, string outputs, params (string Name, object Value)[] attributes)
    {
        NodeProto node = new() { OpType = operatorType, Domain = domain, Name = $"{operatorType}_{_graph.Node.Count}" };
        node.Input.Add(Names(inputs));
        node.Output.Add(Names(outputs));
        node.Attribute.Add(attributes.Select(attribute => Attribute(attribute.Name, attribute.Value)));
        _graph.Node.Add(node);
        return this;
    }

    public ModelProto Build()
    {
        ModelProto model = new() { IrVersion = 8, ProducerName = "tests", Graph = _graph };
        foreach ((string domain, long version) in _operatorSets)
        {
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = version });
        }

        return model;
    }

    public byte[] ToBytes() => Build().ToByteArray();

    public static TensorProto Tensor(string name, TensorBuffer tensor)
    {
        TensorProto proto = new() { Name = name, DataType = (int)tensor.ElementType, RawData = ByteString.CopyFrom(tensor.ToPacked()) };
        proto.Dims.Add(tensor.Shape.ToArray());
        return proto;
    }

    public static ValueInfoProto Declare(string name, ElementType type, params long[] dimensions)
    {
        TensorShapeProto shape = new();
        shape.Dim.Add(dimensions.Select((dimension, i) => dimension >= 0
            ? new TensorShapeProto.Types.Dimension { DimValue = dimension }
            : new TensorShapeProto.Types.Dimension { DimParam = $"d{name}{i}" }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new() { ElemType = (int)type, Shape = shape } } };
    }

    private static string[] Names(string list) => [.. list.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => name == "-" ? "" : name)];

    public static AttributeProto Attribute(string name, object value) => value switch
    {
        TensorBuffer tensor => new() { Name = name, Type = AttributeProto.Types.AttributeType.Tensor, T = Tensor(name, tensor) },
        TypeProto type => new() { Name = name, Type = AttributeProto.Types.AttributeType.TypeProto, Tp = type },
        GraphProto graph => new() { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = graph },
        _ => OnnxAttribute.Make(name, value),
    };
}
