using System.Globalization;
using Google.Protobuf;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Onnx;

/// <summary>Writes graphs as ONNX files, with large weights in one file beside.</summary>
internal sealed class OnnxWriter
{
    // A multiple of the page size, so that a weight can be mapped on its own.
    private const int WeightAlignment = 4096;

    private readonly FileStream _data;
    private readonly string _dataName;

    private OnnxWriter(FileStream data, string dataName)
    {
        _data = data;
        _dataName = dataName;
    }

    /// <summary>Writes a model. Both files appear only when they are complete.</summary>
    public static void Write(ModelContent model, string path)
    {
        path = Path.GetFullPath(path);
        string dataPath = path + ".data";
        string partial = path + ".partial";
        string partialData = dataPath + ".partial";
        using UnfinishedPath unfinished = new(partial);
        using UnfinishedPath unfinishedData = new(partialData);
        bool hasData;
        using (FileStream data = File.Create(partialData))
        {
            ModelProto proto = new OnnxWriter(data, Path.GetFileName(dataPath)).WriteModel(model);
            using FileStream file = File.Create(partial);
            proto.WriteTo(file);
            hasData = data.Length > 0;
        }

        if (hasData)
        {
            File.Move(partialData, dataPath, overwrite: true);
        }

        File.Move(partial, path, overwrite: true);
    }

    private ModelProto WriteModel(ModelContent model)
    {
        ModelProto proto = new() { IrVersion = 8, ProducerName = "OnnxStream.Interop", Graph = WriteGraph(model.Graph, []) };
        foreach ((string domain, long version) in model.OperatorSets)
        {
            proto.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = version });
        }

        return proto;
    }

    // Inner graphs see the constants of outer ones: what is read here or in several inner graphs is written here, once.
    private GraphProto WriteGraph(Graph graph, HashSet<Value> outer)
    {
        GraphProto proto = new() { Name = graph.Name };
        HashSet<Value> visible = [.. outer];
        IEnumerable<Value> shared = graph.Nodes.SelectMany(InnerGraphs).SelectMany(ConstantsOf).CountBy(value => value).Where(pair => pair.Value > 1).Select(pair => pair.Key);
        foreach (Value value in graph.Nodes.SelectMany(node => node.Inputs).Concat(graph.Outputs).OfType<Value>().Concat(shared).Concat(graph.OptionalInputs))
        {
            if (value.Constant is { } constant && visible.Add(value))
            {
                WriteConstant(value, constant, proto);
            }
        }

        proto.Input.Add(graph.Inputs.Concat(graph.OptionalInputs).Select(WriteDeclaration));
        proto.Output.Add(graph.Outputs.Select(WriteDeclaration));
        foreach (Node node in graph.Nodes)
        {
            NodeProto nodeProto = new() { Name = node.Name, OpType = node.OperatorType, Domain = node.Domain };
            nodeProto.Input.Add(node.Inputs.Select(input => input?.Name ?? ""));
            nodeProto.Output.Add(node.Outputs.Select(output => output?.Name ?? ""));
            nodeProto.Attribute.Add(node.Attributes.All.Select(pair => WriteAttribute(pair.Key, pair.Value, visible)));
            proto.Node.Add(nodeProto);
        }

        return proto;
    }

    private static IEnumerable<Graph> InnerGraphs(Node node) => node.Attributes.All.Values.OfType<Graph>();

    private static HashSet<Value> ConstantsOf(Graph graph) =>
    [
        .. graph.Nodes.SelectMany(node => node.Inputs).Concat(graph.Outputs).OfType<Value>().Where(value => value.Constant is not null),
        .. graph.Nodes.SelectMany(InnerGraphs).SelectMany(ConstantsOf),
    ];

    // Half-precision numbers that are computed with in single precision stay half the size: a Cast follows them.
    private void WriteConstant(Value value, Constant constant, GraphProto graph)
    {
        if (constant.Quantization?.TryReadScalar() is { } quantization)
        {
            WriteQuantized(value, constant, quantization.Scale, quantization.ZeroPoint, graph);
            return;
        }

        if (constant.StoredType == constant.Type.ElementType || constant.Encoding is not null)
        {
            graph.Initializer.Add(WriteTensor(value.Name, constant));
            return;
        }

        string stored = $"{value.Name}.{constant.StoredType.ToOnnxName()}";
        graph.Initializer.Add(WriteTensor(stored, constant));
        NodeProto cast = new() { Name = $"{value.Name}.Cast", OpType = "Cast" };
        cast.Input.Add(stored);
        cast.Output.Add(value.Name);
        cast.Attribute.Add(OnnxAttribute.Make("to", (long)constant.Type.ElementType));
        graph.Node.Add(cast);
    }

    // 8-bit numbers stay 8 bits, too.
    private void WriteQuantized(Value value, Constant constant, float number, int zero, GraphProto graph)
    {
        string stored = $"{value.Name}.{constant.StoredType.ToOnnxName()}";
        string scale = $"{value.Name}.scale";
        string zeroPoint = $"{value.Name}.zero_point";
        graph.Initializer.Add(WriteTensor(stored, constant));
        graph.Initializer.Add(WriteTensor(scale, Constant.Of<float>(Shape.Scalar, number)));
        graph.Initializer.Add(WriteTensor(zeroPoint, Constant.Of<byte>(Shape.Scalar, (byte)zero)));
        NodeProto node = new() { Name = $"{value.Name}.DequantizeLinear", OpType = "DequantizeLinear" };
        node.Input.Add([stored, scale, zeroPoint]);
        node.Output.Add(value.Name);
        graph.Node.Add(node);
    }

    private AttributeProto WriteAttribute(string name, object value, HashSet<Value> visible) => value switch
    {
        Constant constant => new() { Name = name, Type = AttributeProto.Types.AttributeType.Tensor, T = WriteTensor(name, constant) },
        Graph graph => new() { Name = name, Type = AttributeProto.Types.AttributeType.Graph, G = WriteGraph(graph, visible) },
        ValueMetadata type => new() { Name = name, Type = AttributeProto.Types.AttributeType.TypeProto, Tp = WriteType(type) },
        _ => OnnxAttribute.Make(name, value),
    };

    private TensorProto WriteTensor(string name, Constant constant)
    {
        ElementType type = constant.Encoding is null ? constant.StoredType : constant.Type.ElementType;
        TensorProto proto = new() { Name = name, DataType = (int)type };
        proto.Dims.Add(constant.Type.Shape.ToArray());
        if (constant.Data is { } bytes)
        {
            proto.RawData = ByteString.CopyFrom(type.PerByte() > 1 ? PackedElements.Pack(type, bytes) : bytes);
            return proto;
        }

        _data.Position = (_data.Length + WeightAlignment - 1) / WeightAlignment * WeightAlignment;
        long offset = _data.Position;
        WeightCopier.Copy(constant, type, _data);
        proto.DataLocation = TensorProto.Types.DataLocation.External;
        proto.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = _dataName });
        proto.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset.ToString(CultureInfo.InvariantCulture) });
        proto.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = (_data.Position - offset).ToString(CultureInfo.InvariantCulture) });
        return proto;
    }

    private static ValueInfoProto WriteDeclaration(Value value)
    {
        ValueInfoProto proto = new() { Name = value.Name };
        if (value.Declared is { ElementType: not ElementType.Undefined } declared)
        {
            proto.Type = WriteType(declared);
        }

        return proto;
    }

    private static TypeProto WriteType(ValueMetadata declared)
    {
        TypeProto.Types.Tensor tensor = new() { ElemType = (int)declared.ElementType };
        if (declared.Dimensions is not null)
        {
            tensor.Shape = new TensorShapeProto();
            tensor.Shape.Dim.Add(declared.Dimensions.Select(dimension =>
                dimension.IsKnown ? new TensorShapeProto.Types.Dimension { DimValue = dimension.Value } :
                dimension.Symbol is { } symbol ? new TensorShapeProto.Types.Dimension { DimParam = symbol } :
                new TensorShapeProto.Types.Dimension()));
        }

        TypeProto type = new() { TensorType = tensor };
        type = declared.IsSequence ? new TypeProto { SequenceType = new() { ElemType = type } } : type;
        return declared.IsOptional ? new TypeProto { OptionalType = new() { ElemType = type } } : type;
    }
}
