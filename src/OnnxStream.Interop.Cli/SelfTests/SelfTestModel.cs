using Google.Protobuf;

namespace OnnxStream.Interop.Cli.SelfTests;

/// <summary>A model of a few nodes with its inputs, and how it is written as an ONNX file.</summary>
/// <param name="operatorSet">The version of ONNX's operators.</param>
internal sealed class SelfTestModel(int operatorSet = 17)
{
    private const int IrVersion = 8;

    // Field numbers and attribute types of onnx.proto.
    private const int GraphNode = 1, GraphName = 2, GraphInitializer = 5, GraphInput = 11, GraphOutput = 12;
    private const int TypeFloat = 1, TypeInteger = 2, TypeText = 3, TypeIntegers = 7;

    private readonly List<(int Field, ByteString Message)> _graph = [];
    private readonly Dictionary<string, TensorBuffer> _inputs = [];
    private readonly List<string> _outputs = [];
    private readonly List<ByteString> _imports = [];

    /// <summary>What the model is given when it runs.</summary>
    public IReadOnlyDictionary<string, TensorBuffer> Inputs => _inputs;

    /// <summary>The names of the outputs, in the order of their declaration.</summary>
    public IReadOnlyList<string> Outputs => _outputs;

    /// <summary>Adds an input that is given when the model runs.</summary>
    public SelfTestModel Input(string name, TensorBuffer tensor)
    {
        _inputs.Add(name, tensor);
        _graph.Add((GraphInput, Value(name, tensor.ElementType, tensor.Shape)));
        return this;
    }

    /// <summary>Adds a tensor that is part of the model.</summary>
    public SelfTestModel Constant(string name, TensorBuffer tensor)
    {
        _graph.Add((GraphInitializer, Message(stream =>
        {
            foreach (long dimension in tensor.Shape.Dimensions)
            {
                Number(stream, 1, dimension);
            }

            Number(stream, 2, (int)tensor.ElementType);
            Text(stream, 8, name);
            Bytes(stream, 9, ByteString.CopyFrom(tensor.Bytes));
        })));
        return this;
    }

    /// <summary>Allows operators of another domain.</summary>
    public SelfTestModel Import(string domain, int version)
    {
        _imports.Add(Message(stream =>
        {
            Text(stream, 1, domain);
            Number(stream, 2, version);
        }));
        return this;
    }

    /// <summary>Adds a node. An attribute is a number, a text or a list of whole numbers.</summary>
    public SelfTestModel Node(string operatorType, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes) => Node("", operatorType, inputs, outputs, attributes);

    /// <summary>Adds a node with an operator of a domain.</summary>
    public SelfTestModel Node(string domain, string operatorType, string[] inputs, string[] outputs, params (string Name, object Value)[] attributes)
    {
        _graph.Add((GraphNode, Message(stream =>
        {
            Array.ForEach(inputs, input => Text(stream, 1, input));
            Array.ForEach(outputs, output => Text(stream, 2, output));
            Text(stream, 3, outputs[0]);
            Text(stream, 4, operatorType);
            Text(stream, 7, domain);
            foreach ((string name, object value) in attributes)
            {
                Bytes(stream, 5, Attribute(name, value));
            }
        })));
        return this;
    }

    /// <summary>Makes a computed value an output.</summary>
    public SelfTestModel Output(string name, ElementType type = ElementType.Float32)
    {
        _outputs.Add(name);
        _graph.Add((GraphOutput, Value(name, type, shape: null)));
        return this;
    }

    /// <summary>Writes the model as an ONNX file.</summary>
    public void Save(string path)
    {
        ByteString graph = Message(stream =>
        {
            Text(stream, GraphName, "selftest");
            foreach ((int field, ByteString message) in _graph)
            {
                Bytes(stream, field, message);
            }
        });
        ByteString operators = Message(stream => Number(stream, 2, operatorSet));
        File.WriteAllBytes(path, Message(stream =>
        {
            Number(stream, 1, IrVersion);
            Bytes(stream, 7, graph);
            Bytes(stream, 8, operators);
            _imports.ForEach(import => Bytes(stream, 8, import));
        }).ToByteArray());
    }

    private static ByteString Attribute(string name, object value) => Message(stream =>
    {
        Text(stream, 1, name);
        switch (value)
        {
            case float number:
                stream.WriteTag(2, WireFormat.WireType.Fixed32);
                stream.WriteFloat(number);
                Number(stream, 20, TypeFloat);
                break;
            case int number:
                Number(stream, 3, number);
                Number(stream, 20, TypeInteger);
                break;
            case string text:
                Text(stream, 4, text);
                Number(stream, 20, TypeText);
                break;
            case long[] numbers:
                Array.ForEach(numbers, number => Number(stream, 8, number));
                Number(stream, 20, TypeIntegers);
                break;
            default:
                throw new ArgumentException($"An attribute cannot be a {value.GetType().Name}.", nameof(value));
        }
    });

    private static ByteString Value(string name, ElementType type, Shape? shape) => Message(stream =>
    {
        Text(stream, 1, name);
        Bytes(stream, 2, Message(types => Bytes(types, 1, Message(tensor =>
        {
            Number(tensor, 1, (int)type);
            if (shape is { } known)
            {
                Bytes(tensor, 2, Message(dimensions =>
                {
                    foreach (long dimension in known.Dimensions)
                    {
                        Bytes(dimensions, 1, Message(number => Number(number, 1, dimension)));
                    }
                }));
            }
        }))));
    });

    private static ByteString Message(Action<CodedOutputStream> write)
    {
        using MemoryStream bytes = new();
        using (CodedOutputStream stream = new(bytes, leaveOpen: true))
        {
            write(stream);
        }

        return ByteString.CopyFrom(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    private static void Number(CodedOutputStream stream, int field, long number)
    {
        stream.WriteTag(field, WireFormat.WireType.Varint);
        stream.WriteInt64(number);
    }

    private static void Text(CodedOutputStream stream, int field, string text) => Bytes(stream, field, ByteString.CopyFromUtf8(text));

    private static void Bytes(CodedOutputStream stream, int field, ByteString bytes)
    {
        stream.WriteTag(field, WireFormat.WireType.LengthDelimited);
        stream.WriteBytes(bytes);
    }
}
