using System.Runtime.InteropServices;
using System.Text;

namespace OnnxStream.Interop.Cli.Tests;

/// <summary>Builds ONNX files of any nodes, encoded by hand: the tests of the tool have no other ONNX writer.</summary>
internal sealed class ProtoModel(int operatorSet = 17)
{
    private readonly List<byte> _graph = [.. Text(2, "graph")];

    /// <summary>Adds a node; names are separated by spaces, "-" stands for an input that is left out. Numbers are the attributes that it has.</summary>
    public ProtoModel Node(string operatorType, string inputs, string outputs, params (string Name, long Value)[] attributes) =>
        Add(1, [
            .. Names(inputs).SelectMany(name => Text(1, name)), .. Names(outputs).SelectMany(name => Text(2, name)), .. Text(3, $"{operatorType} of {outputs}"), .. Text(4, operatorType),
            .. attributes.SelectMany(attribute => Message(5, [.. Text(1, attribute.Name), .. Number(3, attribute.Value), .. Number(20, 2)]))]);

    /// <summary>Adds a node that has a tensor as its attribute <c>value</c>.</summary>
    public ProtoModel Constant<T>(string output, ElementType type, long[] shape, params T[] elements)
        where T : unmanaged =>
        Add(1, [.. Text(2, output), .. Text(4, "Constant"), .. Message(5, [.. Text(1, "value"), .. Message(5, Tensor("", (int)type, shape, elements)), .. Number(20, 4)])]);

    /// <summary>Adds an initializer.</summary>
    public ProtoModel Initializer<T>(string name, ElementType type, long[] shape, params T[] elements)
        where T : unmanaged => Add(5, Tensor(name, (int)type, shape, elements));

    /// <summary>Adds an initializer of an element type by its number in ONNX, whose bytes are these.</summary>
    public ProtoModel RawInitializer(string name, int type, long[] shape, params byte[] bytes) => Add(5, Tensor(name, type, shape, bytes));

    /// <summary>Adds an input; a dimension is a number or a name.</summary>
    public ProtoModel Input(string name, ElementType type, params object[] shape) => Add(11, Value(name, type, shape));

    /// <summary>Adds an input that is a sequence, or optional, or both.</summary>
    public ProtoModel Input(string name, ElementType type, bool isSequence, bool isOptional, params object[] shape) => Add(11, Value(name, type, shape, isSequence, isOptional));

    /// <summary>Adds an output that is a sequence, or optional, or both.</summary>
    public ProtoModel Output(string name, ElementType type, bool isSequence, bool isOptional) => Add(12, Value(name, type, null, isSequence, isOptional));

    /// <summary>Adds an output without a shape.</summary>
    public ProtoModel Output(string name, ElementType type = ElementType.Float32) => Add(12, Value(name, type, null));

    /// <summary>Writes the file and returns its path.</summary>
    public string Write(TemporaryFolder folder, string name = "model.onnx")
    {
        File.WriteAllBytes(folder[name], [.. Number(1, 8), .. Message(7, [.. _graph]), .. Message(8, [.. Number(2, operatorSet)])]);
        return folder[name];
    }

    private ProtoModel Add(int field, byte[] content)
    {
        _graph.AddRange(Message(field, content));
        return this;
    }

    private static string[] Names(string list) => [.. list.Split(' ').Select(name => name == "-" ? "" : name)];

    private static byte[] Tensor<T>(string name, int type, long[] shape, T[] elements)
        where T : unmanaged =>
        [.. shape.SelectMany(dimension => Number(1, dimension)), .. Number(2, type), .. Text(8, name), .. Message(9, MemoryMarshal.AsBytes(elements.AsSpan()).ToArray())];

    private static byte[] Value(string name, ElementType type, object[]? shape, bool isSequence = false, bool isOptional = false)
    {
        byte[] dimensions = [.. (shape ?? []).SelectMany(dimension => Message(1, dimension is string symbol ? Text(2, symbol) : Number(1, Convert.ToInt64(dimension))))];
        byte[] declared = Message(1, [.. Number(1, (int)type), .. shape is null ? [] : Message(2, dimensions)]);
        declared = isSequence ? Message(4, Message(1, declared)) : declared;
        return [.. Text(1, name), .. Message(2, isOptional ? Message(9, Message(1, declared)) : declared)];
    }

    // Protobuf: a field is its number and wire type (0 a number, 2 bytes with their length before them), then its value.
    private static byte[] Number(int field, long value) => [.. Varint((ulong)field << 3), .. Varint((ulong)value)];

    private static byte[] Message(int field, byte[] content) => [.. Varint(((ulong)field << 3) | 2), .. Varint((ulong)content.Length), .. content];

    private static byte[] Text(int field, string text) => Message(field, Encoding.UTF8.GetBytes(text));

    private static byte[] Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value > 127; value >>= 7)
        {
            bytes.Add((byte)(value | 128));
        }

        return [.. bytes, (byte)value];
    }
}
