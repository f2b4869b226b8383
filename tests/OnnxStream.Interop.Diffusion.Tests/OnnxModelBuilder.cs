using System.Text;

namespace OnnxStream.Interop.Diffusion.Tests;

/// <summary>Writes ONNX files of a few nodes without weights: the bare protobuf messages.</summary>
internal sealed class OnnxModelBuilder
{
    private const int Varint = 0, LengthDelimited = 2;

    private readonly List<byte> _graph = [];

    /// <summary>Declares an input; a dimension is a number or a name.</summary>
    public OnnxModelBuilder Input(string name, ElementType type, params object[] dimensions) => Value(11, name, type, dimensions);

    /// <summary>Declares an output; a dimension is a number or a name.</summary>
    public OnnxModelBuilder Output(string name, ElementType type, params object[] dimensions) => Value(12, name, type, dimensions);

    /// <summary>Adds a node, with a number as its only attribute if it has one.</summary>
    public OnnxModelBuilder Node(string operatorName, string[] inputs, string output, (string Name, long Value)? attribute = null)
    {
        List<byte> node = [];
        foreach (string input in inputs)
        {
            Text(node, 1, input);
        }

        Text(node, 2, output);
        Text(node, 3, output);
        Text(node, 4, operatorName);
        if (attribute is { } number)
        {
            List<byte> message = [];
            Text(message, 1, number.Name);
            Number(message, 3, number.Value);
            Number(message, 20, 2);
            Message(node, 5, message);
        }

        Message(_graph, 1, node);
        return this;
    }

    public string Save(string path)
    {
        Text(_graph, 2, "graph");
        List<byte> operatorSet = [];
        Number(operatorSet, 2, 14);
        List<byte> model = [];
        Number(model, 1, 8);
        Message(model, 8, operatorSet);
        Message(model, 7, _graph);
        _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, [.. model]);
        return path;
    }

    private OnnxModelBuilder Value(int field, string name, ElementType type, object[] dimensions)
    {
        List<byte> shape = [];
        foreach (object dimension in dimensions)
        {
            List<byte> message = [];
            if (dimension is string symbol)
            {
                Text(message, 2, symbol);
            }
            else
            {
                Number(message, 1, (int)dimension);
            }

            Message(shape, 1, message);
        }

        List<byte> tensor = [], typeMessage = [], value = [];
        Number(tensor, 1, (int)type);
        Message(tensor, 2, shape);
        Message(typeMessage, 1, tensor);
        Text(value, 1, name);
        Message(value, 2, typeMessage);
        Message(_graph, field, value);
        return this;
    }

    private static void Text(List<byte> target, int field, string text) => Message(target, field, Encoding.UTF8.GetBytes(text));

    private static void Message(List<byte> target, int field, IReadOnlyCollection<byte> message)
    {
        Unsigned(target, ((ulong)field << 3) | LengthDelimited);
        Unsigned(target, (ulong)message.Count);
        target.AddRange(message);
    }

    private static void Number(List<byte> target, int field, long number)
    {
        Unsigned(target, ((ulong)field << 3) | Varint);
        Unsigned(target, (ulong)number);
    }

    private static void Unsigned(List<byte> target, ulong number)
    {
        for (; number >= 0x80; number >>= 7)
        {
            target.Add((byte)(number | 0x80));
        }

        target.Add((byte)number);
    }
}
