using System.Globalization;
using Google.Protobuf;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Benchmarks.Operators;

/// <summary>One node that is measured, of a line of operators.txt, which says how it is written.</summary>
internal sealed class OperatorCase
{
    private const int DefaultOperatorSet = 21;
    private const int IrVersion = 10;
    private const int Seed = 7;

    private readonly int _operatorSet;
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private readonly string[] _attributes;

    private OperatorCase(string group, string operatorType, int operatorSet, ElementType type, string[] parts)
    {
        Group = group;
        OperatorType = operatorType;
        _operatorSet = operatorSet;
        string chosen = type.ToOnnxName();
        string[] Split(int part, char separator) => part < parts.Length ? [.. parts[part].Split(separator, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)] : [];
        _inputs = [.. Split(1, ';').Select(input => input.StartsWith("T[", StringComparison.Ordinal) ? chosen + input[1..] : input)];
        _outputs = [.. Split(2, ';').Select(output => output == "T" ? chosen : output)];
        _attributes = Split(3, ' ');
        Name = string.Join(' ', [operatorType, string.Join("; ", _inputs.Select(Brief)), .. _attributes]);
    }

    /// <summary>All cases.</summary>
    public static IReadOnlyList<OperatorCase> All { get; } = [.. Read()];

    /// <summary>The heading that it stands under.</summary>
    public string Group { get; }

    /// <summary>The operator.</summary>
    public string OperatorType { get; }

    /// <summary>The operator with its inputs and attributes: no other case has this name.</summary>
    public string Name { get; }

    /// <summary>The model of the node, and what its runs are given.</summary>
    public (byte[] Model, Dictionary<string, TensorBuffer> Inputs) Build()
    {
        GraphProto graph = new() { Name = "operator" };
        NodeProto node = new() { OpType = OperatorType, Name = "node" };
        Dictionary<string, TensorBuffer> inputs = [];
        for (int i = 0; i < _inputs.Length; i++)
        {
            if (_inputs[i] == "-")
            {
                node.Input.Add("");
                continue;
            }

            (TensorBuffer tensor, bool isConstant) = Tensor(_inputs[i], i);
            node.Input.Add($"i{i}");
            if (isConstant)
            {
                TensorProto initializer = new() { Name = $"i{i}", DataType = (int)tensor.ElementType, RawData = ByteString.CopyFrom(tensor.Bytes) };
                initializer.Dims.Add(tensor.Shape.ToArray());
                graph.Initializer.Add(initializer);
            }
            else
            {
                TensorShapeProto shape = new();
                shape.Dim.Add(tensor.Shape.ToArray().Select(dimension => new TensorShapeProto.Types.Dimension { DimValue = dimension }));
                graph.Input.Add(Declare($"i{i}", tensor.ElementType, shape));
                inputs.Add($"i{i}", tensor);
            }
        }

        node.Attribute.Add(_attributes.Select(text => text.Split('=', 2)).Select(pair => OnnxAttribute.Make(pair[0], Attribute(pair[1]))));
        for (int i = 0; i < _outputs.Length; i++)
        {
            node.Output.Add($"o{i}");
            graph.Output.Add(Declare($"o{i}", Type(_outputs[i]), null));
        }

        graph.Node.Add(node);
        ModelProto model = new() { IrVersion = IrVersion, ProducerName = "OnnxStream.Interop.Benchmarks", Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = _operatorSet });
        return (model.ToByteArray(), inputs);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    private static IEnumerable<OperatorCase> Read()
    {
        using Stream stream = typeof(OperatorCase).Assembly.GetManifestResourceStream("operators.txt")!;
        using StreamReader reader = new(stream);
        string group = "";
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
            {
                group = line[3..];
            }

            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            string[] parts = [.. line.Split('|', StringSplitOptions.TrimEntries)];
            string[] head = parts[0].Split(' ');
            int operatorSet = head.Where(word => char.IsDigit(word[0])).Select(word => int.Parse(word, CultureInfo.InvariantCulture)).FirstOrDefault(DefaultOperatorSet);
            string[] types = head.FirstOrDefault(word => word[0] == ':')?[1..].Split(',') ?? ["float"];
            foreach (string name in head.Where(word => char.IsLetter(word[0])))
            {
                foreach (string type in types)
                {
                    yield return new OperatorCase(group, name, operatorSet, Type(type), parts);
                }
            }
        }
    }

    // Random numbers need not be told.
    private static string Brief(string input) => input.Contains("..", StringComparison.Ordinal) ? input[..(input.IndexOf(']', StringComparison.Ordinal) + 1)] : input;

    private static ElementType Type(string onnxName) => Enum.GetValues<ElementType>().First(type => type.SizeOf() > 0 && type.ToOnnxName() == onnxName);

    private static (TensorBuffer Tensor, bool IsConstant) Tensor(string text, int index)
    {
        int open = text.IndexOf('[', StringComparison.Ordinal);
        int close = text.IndexOf(']', StringComparison.Ordinal);
        long[] dimensions = [.. text[(open + 1)..close].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];
        string values = close + 1 < text.Length ? text[(close + 2)..] : "-3..3";
        double[] ends = values.Contains("..", StringComparison.Ordinal) ? [.. values.Split("..").Select(Number)] : [];
        double[] given = ends.Length == 0 ? [.. values.Split(',').Select(Number)] : [];
        Random random = new(Seed + index);
        ElementType type = Type(text[..open]);
        TensorBuffer numbers = new(ElementType.Float64, new Shape(dimensions));
        Span<double> elements = numbers.Span<double>();
        for (int i = 0; i < elements.Length; i++)
        {
            double value = ends.Length == 0 ? given[given.Length == 1 ? 0 : i] : ends[0] + random.NextDouble() * (ends[1] - ends[0]);
            elements[i] = type.IsInteger() || type == ElementType.Bool ? Math.Round(value) : value;
        }

        return (numbers.ConvertTo(type), ends.Length == 0 && text[close + 1] == '=');
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static object Attribute(string text)
    {
        bool isReal = text.Contains('.', StringComparison.Ordinal);
        return text[0] switch
        {
            '\'' => text.Trim('\''),
            '[' => text[1..^1].Split(',').Select(number => long.Parse(number, CultureInfo.InvariantCulture)).ToArray(),
            _ when isReal => (float)Number(text),
            _ => long.Parse(text, CultureInfo.InvariantCulture),
        };
    }

    private static ValueInfoProto Declare(string name, ElementType type, TensorShapeProto? shape) =>
        new() { Name = name, Type = new TypeProto { TensorType = new() { ElemType = (int)type, Shape = shape } } };
}
