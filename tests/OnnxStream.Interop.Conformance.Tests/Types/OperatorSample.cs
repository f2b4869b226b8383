using System.Globalization;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Conformance.Tests.Types;

/// <summary>One node with inputs of which the element type can be chosen: a line of samples.txt, which says what it means.</summary>
internal sealed class OperatorSample
{
    private readonly string[] _operators;
    private readonly int _first;
    private readonly string? _parameter;
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private readonly (string Name, string Value)[] _attributes;

    private OperatorSample(string line)
    {
        string[] parts = [.. line.Split('|').Select(part => part.Trim())];
        string[] head = parts[0].Split(' ');
        int range = Array.FindIndex(head, word => char.IsDigit(word[0]));
        _operators = head[..range];
        string[] ends = head[range].Split('-');
        _first = int.Parse(ends[0], null);
        Last = int.Parse(ends[1], null);
        _parameter = range + 1 < head.Length ? head[range + 1] : null;
        _inputs = parts[1].Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        _outputs = parts[2].Split(';', StringSplitOptions.TrimEntries);
        _attributes = [.. parts[3].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(text => (text[..text.IndexOf('=', StringComparison.Ordinal)], text[(text.IndexOf('=', StringComparison.Ordinal) + 1)..]))];
    }

    /// <summary>All samples.</summary>
    public static IReadOnlyList<OperatorSample> All { get; } = [.. TypeLists.Lines("samples.txt").Select(line => new OperatorSample(line))];

    /// <summary>The last operator set with this form of the operator.</summary>
    public int Last { get; }

    /// <summary>The type parameter that is run through in a version of the operator; null if the operator has none: then there is one case.</summary>
    public string? Parameter(OperatorSchema schema) => _parameter ?? schema.FirstParameter;

    /// <summary>Whether this is a sample for a version of an operator.</summary>
    public bool IsFor(OperatorSchema schema) =>
        _operators.Contains(schema.Name) && schema.OperatorSet >= _first && schema.OperatorSet <= Last && (_parameter is null || schema.Types.ContainsKey(_parameter));

    /// <summary>The model of the node and its inputs.</summary>
    /// <param name="name">The operator.</param>
    /// <param name="operatorSet">The operator set.</param>
    /// <param name="type">The chosen element type.</param>
    /// <param name="values">The type whose numbers the elements are: those that are not, are rounded to it.</param>
    /// <param name="areConstants">Whether the inputs are constants of the model.</param>
    public (byte[] Model, Dictionary<string, TensorBuffer> Inputs) Build(string name, int operatorSet, ElementType type, ElementType values, bool areConstants = false)
    {
        string domain = OperatorSchema.Domain(name);
        ModelBuilder builder = new(operatorSet, domain);
        Dictionary<string, TensorBuffer> inputs = [];
        for (int i = 0; i < _inputs.Length; i++)
        {
            if (_inputs[i] == "-")
            {
                continue;
            }

            (string maker, string[] parts) = Parts(_inputs[i]);
            for (int part = 0; part < parts.Length; part++)
            {
                string tensorName = maker.Length == 0 ? $"i{i}" : $"i{i}.{part}";
                TensorBuffer tensor = Input(parts[part], i + part, type, values);
                if (areConstants)
                {
                    builder.Initializer(tensorName, tensor);
                }
                else
                {
                    builder.Input(tensorName, tensor.ElementType, tensor.Shape.ToArray());
                    inputs.Add(tensorName, tensor);
                }
            }

            _ = maker.Length == 0 ? builder : builder.Node(maker, string.Join(' ', parts.Select((_, part) => $"i{i}.{part}")), $"i{i}");
        }

        builder.Node(domain, name[(domain.Length > 0 ? domain.Length + 1 : 0)..], string.Join(' ', _inputs.Select((text, i) => text == "-" ? "-" : $"i{i}")), string.Join(' ', _outputs.Select((text, i) => Reader(text) is null ? $"o{i}" : $"m{i}")), [.. _attributes.Select(attribute => (attribute.Name, Attribute(attribute.Value, type)))]);
        for (int i = 0; i < _outputs.Length; i++)
        {
            _ = Reader(_outputs[i]) switch
            {
                "ConcatFromSequence" => builder.Node("ConcatFromSequence", $"m{i}", $"o{i}", ("axis", 0L)),
                { } reader => builder.Node(reader, $"m{i}", $"o{i}"),
                null => builder,
            };
            builder.Output($"o{i}", Type(_outputs[i].StartsWith("length(", StringComparison.Ordinal) ? "int64" : Parts(_outputs[i]).Parts[0], type));
        }

        return (builder.ToBytes(), inputs);
    }

    /// <summary>The type of the elements in ONNX's name for a type of sequences or optional tensors; null if this library has none.</summary>
    public static ElementType? FindElementType(string onnxName) =>
        (onnxName.StartsWith("seq(tensor(", StringComparison.Ordinal) || onnxName.StartsWith("optional(tensor(", StringComparison.Ordinal)) ? FindType(onnxName[(onnxName.LastIndexOf('(') + 1)..^2]) : null;

    /// <summary>Whether the parameter that is run through is the type of sequences or optional values.</summary>
    public bool HasContainers(OperatorSchema schema) => Parameter(schema) is { } parameter && schema.Types[parameter].All(type => type.Contains('(', StringComparison.Ordinal));

    /// <summary>Whether an input has the chosen type.</summary>
    public bool HasChosenInput => _inputs.Any(input => input.StartsWith("T[", StringComparison.Ordinal));

    /// <summary>Whether an output has the chosen type.</summary>
    public bool HasChosenType(int output) => _outputs[output] is "T" or "seq(T)" or "optional(T)";

    /// <summary>The type of ONNX's name for it; null if this library has none.</summary>
    public static ElementType? FindType(string onnxName) => Enum.GetValues<ElementType>().Where(type => type.SizeOf() > 0 && type.ToOnnxName() == onnxName).Select(type => (ElementType?)type).FirstOrDefault();

    private static ElementType Type(string text, ElementType chosen) => text == "T" ? chosen : FindType(text)!.Value;

    // The node that makes an input of others, and these; no node for a tensor.
    private static (string Maker, string[] Parts) Parts(string text) =>
        text.StartsWith("seq(", StringComparison.Ordinal) ? ("SequenceConstruct", text[4..^1].Split('+')) :
        text.StartsWith("optional(", StringComparison.Ordinal) ? ("Optional", [text[9..^1]]) : ("", [text]);

    // The node that makes a tensor of an output; null for none.
    private static string? Reader(string text) =>
        text.StartsWith("seq(", StringComparison.Ordinal) ? "ConcatFromSequence" : text.StartsWith("optional(", StringComparison.Ordinal) ? "OptionalGetElement" : text.StartsWith("length(", StringComparison.Ordinal) ? "SequenceLength" : null;

    // type[dimensions]=values
    private static TensorBuffer Input(string text, int index, ElementType chosen, ElementType chosenValues)
    {
        int open = text.IndexOf('[', StringComparison.Ordinal);
        int close = text.IndexOf(']', StringComparison.Ordinal);
        bool isChosen = text[..open] == "T";
        ElementType type = Type(text[..open], chosen);
        long[] dimensions = [.. text[(open + 1)..close].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];
        TensorBuffer rounded = new(isChosen ? chosenValues : type, new Shape(dimensions));
        string values = close + 1 < text.Length ? text[(close + 2)..] : "-3..3";
        double[] ends = values.Contains("..", StringComparison.Ordinal) ? [.. values.Split("..").Select(Number)] : [];
        double[] given = ends.Length == 0 ? [.. values.Split(',').Select(Number)] : [];
        Random random = new(17 * index + dimensions.Length);
        for (int i = 0; i < rounded.Shape.ElementCount; i++)
        {
            double value = ends.Length == 0 ? given[given.Length == 1 ? 0 : i] : ends[0] + random.NextDouble() * (ends[1] - ends[0]);
            bool isUnsigned = rounded.ElementType is ElementType.UInt8 or ElementType.UInt16 or ElementType.UInt32 or ElementType.UInt64 or ElementType.UInt4 or ElementType.UInt2 or ElementType.Float8E8M0;
            TestTensors.Set(rounded, i, isUnsigned ? Math.Abs(value) : value);
        }

        return TestTensors.FromDoubles(type, TestTensors.ToDoubles(rounded), dimensions);
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static object Attribute(string text, ElementType chosen)
    {
        switch (text)
        {
            case "@T":
                return (long)chosen;
            case "@tensor":
                return TestTensors.FromDoubles(chosen, [1], 1);
            case "@branch":
                return Graph(chosen, [], "", [("Constant", "", "b")], "b");
            case "@loop":
                return Graph(chosen, [("n", ElementType.Int64, []), ("c", ElementType.Bool, []), ("x", chosen, [2, 3])], "", [("Identity", "c", "d"), ("Identity", "x", "y")], "d y");
            case "@map":
                return Graph(chosen, [("x", chosen, [2, 3])], "", [("Identity", "x", "y")], "y");
            case "@scan":
                return Graph(chosen, [("x", chosen, [2, 3]), ("e", chosen, [2, 3])], "", [("Identity", "e", "y"), ("Identity", "x", "f")], "y f");
        }

        bool isReal = text.Contains('.', StringComparison.Ordinal);
        return text[0] switch
        {
            '\'' => text.Trim('\''),
            '[' when isReal => Elements(text).Select(word => (float)Number(word)).ToArray(),
            '[' => Elements(text).Select(number => long.Parse(number, CultureInfo.InvariantCulture)).ToArray(),
            _ when isReal => (float)Number(text),
            _ => long.Parse(text, CultureInfo.InvariantCulture),
        };
    }

    private static string[] Elements(string list) => list[1..^1].Split(',', StringSplitOptions.RemoveEmptyEntries);

    private static GraphProto Graph(ElementType chosen, (string Name, ElementType Type, long[] Dimensions)[] inputs, string domain, (string Operator, string Inputs, string Outputs)[] nodes, string outputs)
    {
        ModelBuilder builder = new(OperatorSchema.Oldest);
        foreach ((string name, ElementType type, long[] dimensions) in inputs)
        {
            builder.Input(name, type, dimensions);
        }

        foreach ((string operatorType, string read, string made) in nodes)
        {
            _ = operatorType == "Constant" ? builder.Node(domain, operatorType, read, made, ("value", TestTensors.FromDoubles(chosen, [1, 2], 2))) : builder.Node(domain, operatorType, read, made);
        }

        foreach (string name in outputs.Split(' '))
        {
            builder.Output(name, name == "d" ? ElementType.Bool : chosen);
        }

        return builder.Graph;
    }
}
