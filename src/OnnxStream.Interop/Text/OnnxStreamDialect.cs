using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Text;

/// <summary>How a weight is written.</summary>
internal enum WeightForm
{
    /// <summary>As it is, in <c>X.bin</c>.</summary>
    Plain,

    /// <summary>A matrix, transposed, in <c>X_transposed.bin</c>.</summary>
    Transposed,

    /// <summary>A kernel of a convolution, as [N, C, H, W] in <c>X_nchw.bin</c> and as [N, H, W, C] in <c>X_nhwc.bin</c>.</summary>
    Convolution,
}

/// <summary>Rewrites graphs into what OnnxStream folders can express, or says all that they cannot.</summary>
/// <remarks>
/// The format means operators of <see cref="OnnxStreamReader.OperatorSet"/>: other versions are turned into these. It knows
/// float32 and int64 only (half precision and 8 bits are ways to store float32): weights and inputs of other integer types
/// become int64 followed by a Cast (of which the reader knows the type of an input), and a graph in half precision becomes one in single precision. Outputs are what nobody
/// reads: one that is read gets a copy. An input that is never read disappears.
/// </remarks>
internal sealed partial class OnnxStreamDialect
{
    private readonly Graph _source;
    private readonly List<string> _problems = [];
    private readonly HashSet<string> _names = [];
    private readonly Dictionary<Value, Value> _aliases = [];
    private readonly Dictionary<(Value Value, WeightForm Form, bool IsIndex), Value> _weights = [];
    private readonly Dictionary<Value, WeightForm> _forms = [];
    private readonly HashSet<Value> _read;

    private OnnxStreamDialect(Graph source)
    {
        _source = source;
        Graph = new Graph { Name = source.Name };
        _read = [.. source.Nodes.SelectMany(node => node.Inputs).OfType<Value>(), .. source.Outputs];
        foreach (Value value in source.Nodes.SelectMany(node => node.Inputs.Concat(node.Outputs)).OfType<Value>().Concat(source.Inputs).Concat(source.Outputs))
        {
            _names.Add(value.Name);
        }
    }

    /// <summary>The rewritten graph; every value declares its type as far as it is known.</summary>
    public Graph Graph { get; }

    /// <summary>How a weight of the graph is written.</summary>
    public WeightForm FormOf(Value weight) => _forms.GetValueOrDefault(weight);

    /// <summary>Rewrites a graph in which every value declares what is known of it.</summary>
    /// <exception cref="UnsupportedOperatorException">It has something that the format cannot express; all of it is listed.</exception>
    public static OnnxStreamDialect Rewrite(Graph source)
    {
        OnnxStreamDialect dialect = new(source);
        dialect.Rewrite();
        if (dialect._problems.Count > 0)
        {
            throw new UnsupportedOperatorException(
                $"The model '{source.Name}' cannot be written as an OnnxStream folder, {dialect._problems.Count} reason(s):{Environment.NewLine}  {string.Join($"{Environment.NewLine}  ", dialect._problems)}");
        }

        return dialect;
    }

    private void Rewrite()
    {
        foreach (Value input in _source.Inputs.Where(_read.Contains))
        {
            RewriteInput(input);
        }

        foreach (Node node in _source.Nodes)
        {
            RewriteNode(node);
        }

        foreach (IGrouping<Value, Value> outputs in _source.Outputs.Distinct().GroupBy(Resolve).ToList())
        {
            RewriteOutputs(outputs.Key, [.. outputs]);
        }

        HashSet<Value> used = [.. Graph.Nodes.SelectMany(node => node.Inputs).OfType<Value>()];
        Graph.Inputs.AddRange(_source.Inputs.Where(used.Contains));
        StateInputTypes();
    }

    private void RewriteInput(Value input)
    {
        ElementType type = TypeOf(input);
        if (IsNarrowInteger(type))
        {
            _aliases.Add(input, AddCast(input, ElementTypeInference.CastName(input, type), type));
        }
        else if (type is not (ElementType.Float32 or ElementType.Float16 or ElementType.Int64 or ElementType.Undefined))
        {
            _problems.Add($"Input '{input.Name}': elements of type {type.ToOnnxName()} are neither float32 nor integers up to int64.");
        }
    }

    // The reader finds the types of inputs out from how they are read: where it would err, a node is put in front that says it.
    private void StateInputTypes()
    {
        ElementTypeInference inference = ElementTypeInference.Infer(Graph);
        foreach (Value input in Graph.Inputs)
        {
            ElementType type = TypeOf(input);
            bool isInteger = type == ElementType.Int64 || IsNarrowInteger(type);
            if (type == ElementType.Undefined || inference.Of(input) == type || inference.Of(input) == (isInteger ? ElementType.Int64 : ElementType.Float32))
            {
                continue;
            }

            Value stated = NewValue($"{input.Name}.stated", isInteger ? ElementType.Int64 : ElementType.Float32, input.Declared!.Dimensions);
            Replace(input, stated);
            Graph.Nodes.Insert(0, isInteger
                ? NewNode("Cast", [input], stated, ("to", (long)ElementType.Int64))
                : NewNode("Mul", [input, NewConstant($"{input.Name}.one", ElementType.Float32, [], MemoryMarshal.AsBytes<float>([1]))], stated));
        }
    }

    private void RewriteOutputs(Value made, Value[] outputs)
    {
        foreach (Value output in outputs.Where(_source.Inputs.Contains))
        {
            _problems.Add($"Output '{output.Name}': it is an input, unchanged.");
        }

        bool isProduced = Graph.Nodes.Any(node => node.Outputs.Contains(made));
        bool isRead = Graph.Nodes.Any(node => node.Inputs.Contains(made));
        if (isProduced && !isRead && outputs.Length == 1)
        {
            Replace(made, outputs[0]);
            Graph.Outputs.Add(outputs[0]);
            return;
        }

        // Copies get the names of the outputs; what is copied must have another one.
        Value source = made;
        if (outputs.Contains(made))
        {
            source = NewValue($"{made.Name}.inner", TypeOf(made), made.Declared?.Dimensions);
            source.Constant = made.Constant;
            Replace(made, source);
        }

        if (source.Constant is not null)
        {
            source = Weight(source, WeightForm.Plain, isIndex: false, $"output '{outputs[0].Name}'");
        }

        foreach (Value output in outputs)
        {
            Value copy = new(output.Name) { Declared = output.Declared };
            int rank = output.Declared?.Dimensions?.Count ?? 0;
            Graph.Nodes.Add(rank > 0
                ? NewNode("Reshape", [source, NewConstant($"{output.Name}.shape", new long[rank])], copy)
                : NewNode("Identity", [source], copy));
            Graph.Outputs.Add(copy);
        }
    }

    private void Replace(Value old, Value replacement)
    {
        if (ReferenceEquals(old, replacement))
        {
            return;
        }

        foreach (Node node in Graph.Nodes)
        {
            foreach (Value?[] values in (ReadOnlySpan<Value?[]>)[node.Inputs, node.Outputs])
            {
                for (int i = 0; i < values.Length; i++)
                {
                    if (ReferenceEquals(values[i], old))
                    {
                        values[i] = replacement;
                    }
                }
            }
        }
    }

    private Value Resolve(Value value)
    {
        while (_aliases.TryGetValue(value, out Value? target))
        {
            value = target;
        }

        return value;
    }

    /// <summary>The value that stands for a constant in the rewritten graph.</summary>
    /// <param name="value">The constant.</param>
    /// <param name="form">How it is written.</param>
    /// <param name="isIndex">Whether its reader takes int64 for any other type of integers.</param>
    /// <param name="user">Who reads it, for messages.</param>
    private Value Weight(Value value, WeightForm form, bool isIndex, string user)
    {
        if (_weights.TryGetValue((value, form, isIndex), out Value? known))
        {
            return known;
        }

        Constant constant = value.Constant!;
        ElementType type = constant.Type.ElementType;
        bool isNarrow = IsNarrowInteger(type) && constant.Quantization is null;
        Value weight = new(value.Name) { Constant = constant, Declared = Declare(value.Name, isNarrow ? ElementType.Int64 : type, [.. constant.Type.Shape.ToArray().Select(dimension => new Dimension(dimension))]) };
        _forms[weight] = form;
        if (isNarrow && !isIndex)
        {
            weight = AddCast(weight, $"{value.Name}.{type.ToOnnxName()}", type);
        }
        else if (!isNarrow && type is not (ElementType.Float32 or ElementType.Float16 or ElementType.Int64))
        {
            _problems.Add($"Weight '{value.Name}' of {user}: elements of type {type.ToOnnxName()} cannot be written as float32 or int64.");
        }

        _weights.Add((value, form, isIndex), weight);
        return weight;
    }

    private static bool IsNarrowInteger(ElementType type) =>
        type == ElementType.Bool || (type.IsInteger() && type is not (ElementType.Int64 or ElementType.UInt64));

    private Value AddCast(Value input, string name, ElementType type)
    {
        Value output = NewValue(name, type, input.Declared?.Dimensions);
        Graph.Nodes.Add(NewNode("Cast", [input], output, ("to", (long)type)));
        return output;
    }

    private Value NewConstant(string name, params long[] values) => NewConstant(name, ElementType.Int64, [values.Length], MemoryMarshal.AsBytes<long>(values));

    private Value NewConstant(string name, ElementType type, ReadOnlySpan<long> dimensions, ReadOnlySpan<byte> data)
    {
        Value value = NewValue(name, type, [.. dimensions.ToArray().Select(dimension => new Dimension(dimension))]);
        value.Constant = Constant.FromData(new TensorType(type, new Shape(dimensions)), data.ToArray());
        return value;
    }

    private Value NewValue(string name, ElementType type, IReadOnlyList<Dimension>? dimensions)
    {
        while (!_names.Add(name))
        {
            name += "'";
        }

        return new Value(name) { Declared = Declare(name, type, dimensions) };
    }

    private static Node NewNode(string operatorType, Value?[] inputs, Value output, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        Dictionary<string, object> values = [];
        foreach ((string name, object value) in attributes)
        {
            values.Add(name, value);
        }

        return new Node(operatorType, "", OnnxStreamReader.OperatorSet, output.Name, inputs, [output], new Attributes(values));
    }

    private static ValueMetadata Declare(string name, ElementType type, IReadOnlyList<Dimension>? dimensions) => new(name, type, dimensions);

    private static ElementType TypeOf(Value value) => value.Declared?.ElementType ?? ElementType.Undefined;
}
