using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Google.Protobuf;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Benchmarks.Sd15;

/// <summary>Writes an ONNX model with seeded random weights, which go to a file beside as they are declared and are never in memory together.</summary>
internal sealed class GraphBuilder : IDisposable
{
    // As PyTorch writes it with opset 14.
    private const int IrVersion = 7;
    private const int OperatorSet = 14;

    // Smaller tensors stay in the model's own file.
    private const int MinimumExternalBytes = 256;

    // The page size, so that a weight can be mapped on its own.
    private const int WeightAlignment = 4096;

    private readonly GraphProto _graph;
    private readonly string _path;
    private readonly FileStream _data;
    private readonly float[] _block = new float[1 << 18];
    private readonly Half[] _rounded = new Half[1 << 18];
    private readonly Dictionary<string, int> _nodeNames = [];
    private readonly Dictionary<string, GraphValue> _constants = [];
    private ulong _seed;

    /// <summary>Begins a model.</summary>
    /// <param name="path">The model's file; its weights go to the same name with <c>.data</c> appended.</param>
    /// <param name="seed">Decides every weight.</param>
    public GraphBuilder(string path, int seed = 0)
    {
        _path = path;
        _data = File.Create(path + ".data");
        _graph = new GraphProto { Name = Path.GetFileNameWithoutExtension(path) };
        _seed = (ulong)seed << 32;
        Root = new Layers(this, "");
    }

    /// <summary>Where layers are added to the model.</summary>
    public Layers Root { get; }

    /// <summary>The type of weights, and of what is computed with them: single precision, or half.</summary>
    public ElementType Type { get; init; } = ElementType.Float32;

    /// <summary>The number of random weights so far.</summary>
    public long ParameterCount { get; private set; }

    /// <summary>Declares an input.</summary>
    public GraphValue Input(string name, ElementType type, params long[] shape)
    {
        _graph.Input.Add(Declare(name, type, shape));
        return new GraphValue(name, shape, type);
    }

    /// <summary>Makes a computed value an output of the model, under a name of its own.</summary>
    public void Output(string name, GraphValue value)
    {
        NodeProto node = _graph.Node.Single(node => node.Output.Contains(value.Name));
        node.Output[node.Output.IndexOf(value.Name)] = name;
        _graph.ValueInfo.Remove(_graph.ValueInfo.Single(info => info.Name == value.Name));
        _graph.Output.Add(Declare(name, value.Type, value.Shape));
    }

    /// <summary>Adds a node with one output.</summary>
    /// <param name="scope">The names of the modules around it, each with a slash before it.</param>
    /// <param name="operatorType">What it computes.</param>
    /// <param name="inputs">What it computes that from.</param>
    /// <param name="shape">The shape of its output.</param>
    /// <param name="attributes">Its attributes: numbers, lists of integers and strings.</param>
    public GraphValue Node(string scope, string operatorType, IReadOnlyList<GraphValue> inputs, IReadOnlyList<long> shape, params (string Name, object Value)[] attributes) =>
        Node(scope, operatorType, inputs, [shape], attributes)[0];

    /// <summary>Adds a node with several outputs.</summary>
    public IReadOnlyList<GraphValue> Node(string scope, string operatorType, IReadOnlyList<GraphValue> inputs, IReadOnlyList<IReadOnlyList<long>> shapes, params (string Name, object Value)[] attributes)
    {
        // The exporter's names: the second Add of a module is Add_1.
        string name = $"{scope}/{operatorType}";
        int count = CollectionsMarshal.GetValueRefOrAddDefault(_nodeNames, name, out _)++;
        NodeProto node = new() { Name = count == 0 ? name : $"{name}_{count}", OpType = operatorType };
        node.Input.Add(inputs.Select(input => input.Name));
        node.Attribute.Add(attributes.Select(attribute => OnnxAttribute.Make(attribute.Name, attribute.Value)));

        // All operators of these networks keep the type of what they compute with; tokens choose from a table, whose type counts.
        ElementType type = attributes.FirstOrDefault(attribute => attribute.Name == "to").Value is int to ? (ElementType)to : inputs[0].Type;
        List<GraphValue> outputs = [.. shapes.Select((shape, i) => new GraphValue($"{node.Name}_output_{i}", shape, type))];
        node.Output.Add(outputs.Select(output => output.Name));
        _graph.Node.Add(node);
        _graph.ValueInfo.Add(outputs.Select(output => Declare(output.Name, type, output.Shape)));
        return outputs;
    }

    /// <summary>Adds a weight of random numbers.</summary>
    public GraphValue Weight(string name, Distribution distribution, params long[] shape)
    {
        TensorProto tensor = Tensor(name, Type, shape);
        UniformRandom random = new(++_seed);
        long count = shape.Aggregate(1L, (product, dimension) => checked(product * dimension));
        ParameterCount += count;
        if (count * sizeof(float) <= MinimumExternalBytes)
        {
            float[] values = new float[count];
            random.Fill(values, distribution);
            tensor.RawData = ByteString.CopyFrom(Encode(values));
        }
        else
        {
            BeginExternal(tensor, count * Type.SizeOf());
            for (long done = 0; done < count; done += _block.Length)
            {
                Span<float> block = _block.AsSpan(0, (int)Math.Min(_block.Length, count - done));
                random.Fill(block, distribution);
                _data.Write(Encode(block));
            }
        }

        _graph.Initializer.Add(tensor);
        return new GraphValue(name, shape, Type);
    }

    /// <summary>A constant of the type of weights.</summary>
    public GraphValue Numbers(ReadOnlySpan<float> elements, params long[] shape)
    {
        if (Type == ElementType.Float32)
        {
            return Constant(elements, shape);
        }

        Half[] rounded = new Half[elements.Length];
        TensorPrimitives.ConvertToHalf(elements, rounded);
        return Constant<Half>(rounded, shape);
    }

    /// <summary>A constant with these elements; equal ones are the same.</summary>
    public GraphValue Constant<T>(ReadOnlySpan<T> elements, params long[] shape)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(elements);
        ElementType type = ElementTypes.Of<T>();
        string key = $"{type} {string.Join('x', shape)} {Convert.ToBase64String(bytes)}";
        ref GraphValue? value = ref CollectionsMarshal.GetValueRefOrAddDefault(_constants, key, out bool exists);
        if (!exists)
        {
            value = new GraphValue($"/Constant_{_constants.Count - 1}_output_0", shape, type);
            TensorProto tensor = Tensor(value.Name, type, shape);
            if (bytes.Length <= MinimumExternalBytes)
            {
                tensor.RawData = ByteString.CopyFrom(bytes);
            }
            else
            {
                BeginExternal(tensor, bytes.Length);
                _data.Write(bytes);
            }

            _graph.Initializer.Add(tensor);
        }

        return value!;
    }

    /// <summary>Writes the model's file; nothing can be added afterwards.</summary>
    public void Complete()
    {
        // To the disk: gigabytes that are still being written would disturb what is measured next.
        _data.Flush(flushToDisk: true);
        ModelProto model = new() { IrVersion = IrVersion, ProducerName = "OnnxStream.Interop.Benchmarks", Graph = _graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = OperatorSet });
        using FileStream file = File.Create(_path);
        model.WriteTo(file);
    }

    /// <summary>Closes the file of weights.</summary>
    public void Dispose() => _data.Dispose();

    // Numbers as the model's weights are stored.
    private ReadOnlySpan<byte> Encode(ReadOnlySpan<float> values)
    {
        if (Type == ElementType.Float32)
        {
            return MemoryMarshal.AsBytes(values);
        }

        TensorPrimitives.ConvertToHalf(values, _rounded);
        return MemoryMarshal.AsBytes(_rounded.AsSpan(0, values.Length));
    }

    // The elements are to be written next.
    private void BeginExternal(TensorProto tensor, long byteLength)
    {
        _data.Position = (_data.Position + WeightAlignment - 1) / WeightAlignment * WeightAlignment;
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        foreach ((string key, string value) in new[] { ("location", Path.GetFileName(_data.Name)), ("offset", $"{_data.Position}"), ("length", $"{byteLength}") })
        {
            tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
        }
    }

    private static TensorProto Tensor(string name, ElementType type, IReadOnlyList<long> shape)
    {
        TensorProto tensor = new() { Name = name, DataType = (int)type };
        tensor.Dims.Add(shape);
        return tensor;
    }

    private static ValueInfoProto Declare(string name, ElementType type, IReadOnlyList<long> shape)
    {
        TensorShapeProto proto = new();
        proto.Dim.Add(shape.Select(dimension => new TensorShapeProto.Types.Dimension { DimValue = dimension }));
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new() { ElemType = (int)type, Shape = proto } } };
    }
}
