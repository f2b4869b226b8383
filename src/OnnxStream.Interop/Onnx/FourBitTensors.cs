using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Onnx;

/// <summary>Initializers of 4-bit integers, two to a byte (ONNX's int4 and uint4): the bytes stay in the file, and nodes unpack them into int8 or uint8.</summary>
/// <remarks>https://onnx.ai/onnx/technical/int4.html. Only what exporters do with such weights is allowed, since the values have a wider type than the model says: to be dequantized, cast, or moved as a whole.</remarks>
internal sealed class FourBitTensors
{
    // The numbers of TensorProto.DataType.
    private const int UInt4 = 21;
    private const int Int4 = 22;

    private readonly HashSet<Value> _values = [];

    /// <summary>Whether a tensor is one of 4-bit integers.</summary>
    public static bool IsOne(TensorProto tensor) => tensor.DataType is UInt4 or Int4;

    /// <summary>Makes an initializer out of its bytes.</summary>
    /// <param name="tensor">The initializer, of which <see cref="IsOne"/> holds.</param>
    /// <param name="read">Reads a tensor.</param>
    /// <param name="nodes">Receives the nodes that unpack it.</param>
    /// <returns>The value that they make, of type int8 or uint8.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A dimension is negative.</exception>
    /// <exception cref="OverflowException">The tensor would have more than 2^63 elements.</exception>
    public Value Unpack(TensorProto tensor, Func<TensorProto, Constant> read, List<Node> nodes)
    {
        Shape shape = new([.. tensor.Dims]);
        long count = shape.ElementCount;
        long bytes = count / 2 + count % 2;
        TensorProto stored = tensor.Clone();
        stored.DataType = (int)ElementType.UInt8;
        stored.Dims.Clear();
        stored.Dims.Add(bytes);
        stored.Dims.Add(1);
        Constant packed = read(stored);

        // The first of two numbers lies in the lower half.
        Value value = Add("BitShift", new Value($"{tensor.Name}/packed") { Type = packed.Type, Constant = packed }, Bytes(0, 4), ("direction", "RIGHT"));
        value = Add("BitwiseAnd", value, Bytes(15));
        if (tensor.DataType == Int4)
        {
            // Two's complement: the sign bit counts -8.
            value = Add("BitwiseXor", value, Bytes(8));
            value = Add("Cast", value, null, ("to", (long)ElementType.Int8));
            value = Add("Sub", value, Constant(Tensors.Constant.Of(new Shape(1), (ReadOnlySpan<sbyte>)[8])));
        }

        value = Add("Reshape", value, Integers(2 * bytes), ("allowzero", 1L));
        if (count % 2 != 0)
        {
            Value whole = value;
            value = new Value(Name("Slice"));
            nodes.Add(new Node("Slice", "", OperatorSets.Newest, value.Name, [whole, Integers(0), Integers(count)], [value], new Attributes()));
        }

        Value result = new(tensor.Name);
        nodes.Add(new Node("Reshape", "", OperatorSets.Newest, $"{tensor.Name}/Reshape", [value, Integers(shape.ToArray())], [result], new Attributes(new Dictionary<string, object> { ["allowzero"] = 1L })));
        _values.Add(result);
        return result;

        Value Add(string operatorType, Value first, Value? second, params (string Name, object Value)[] attributes)
        {
            Value output = new(Name(operatorType));
            nodes.Add(new Node(operatorType, "", OperatorSets.Newest, output.Name, second is null ? [first] : [first, second], [output], new Attributes(attributes.ToDictionary(attribute => attribute.Name, attribute => attribute.Value))));
            return output;
        }

        Value Bytes(params byte[] elements) => Constant(Tensors.Constant.Of(new Shape(elements.Length), (ReadOnlySpan<byte>)elements));

        Value Integers(params long[] elements) => Constant(Tensors.Constant.Of(new Shape(elements.Length), (ReadOnlySpan<long>)elements));

        Value Constant(Constant constant) => new(Name("Constant")) { Type = constant.Type, Constant = constant };

        string Name(string operatorType) => $"{tensor.Name}/{operatorType}_{nodes.Count}";
    }

    /// <summary>Throws if a graph does something with 4-bit integers that would show that they are wider now.</summary>
    /// <param name="graph">The graph, whose nodes are in order.</param>
    /// <exception cref="UnsupportedOperatorException">It does.</exception>
    public void Check(Graph graph)
    {
        if (_values.Count == 0)
        {
            return;
        }

        foreach (Node node in graph.Nodes)
        {
            if (!node.Inputs.Any(IsFourBit))
            {
                continue;
            }

            if (node is { Domain: "", OperatorType: "Identity" or "Reshape" or "Transpose" or "Squeeze" or "Unsqueeze" or "Flatten" } && IsFourBit(node.Inputs[0]))
            {
                _values.UnionWith(node.Outputs.OfType<Value>());
            }
            else if (node is not { Domain: "", OperatorType: "DequantizeLinear" or "Cast" })
            {
                throw new UnsupportedOperatorException($"The operator {node} of operator set {node.OperatorSet} reads '{node.Inputs.First(IsFourBit)!.Name}', whose elements are 4-bit integers. They can be dequantized, cast, and moved by Reshape and Transpose; store them as 8-bit integers for anything else.");
            }
        }

        if (graph.Outputs.FirstOrDefault(IsFourBit) is { } output)
        {
            throw new UnsupportedOperatorException($"The output '{output.Name}' of graph '{graph.Name}' has elements of 4-bit integers, which are only supported inside of a model.");
        }
    }

    private bool IsFourBit(Value? value) => value is not null && _values.Contains(value);
}
