using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Lets a model of half precision (float16 or bfloat16) compute in single precision, for which the fast kernels and all other rewrites are.</summary>
/// <remarks>
/// Weights stay as they are and are converted when they are read. Every node becomes the same node on single-precision values; one whose
/// results would not be single precision then, because an attribute says so, stays, with conversions around it. Inputs and outputs of the
/// graph keep their types. Results are those of exact arithmetic, rounded less often than the model says. Where a Cast rounds to another type than
/// that of most of the model's numbers, or rounds integers, somebody meant it, and it stays.
/// </remarks>
internal sealed class ComputeInSingle
{
    private readonly Graph _graph;
    private readonly List<Node> _nodes = [];

    // For a value of half precision, the one in single precision that takes its place.
    private readonly Dictionary<Value, Value> _singles = [];

    // Values of half precision that somebody makes still.
    private readonly HashSet<Value> _kept;

    // The floating-point type of most numbers, weights and activations.
    private readonly ElementType _mainType;

    private ComputeInSingle(Graph graph, ElementType mainType)
    {
        _graph = graph;
        _mainType = mainType;
        _kept = [.. graph.Inputs];
    }

    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    /// <returns>Whether most of the model was half precision, so that storing them as that loses nothing that the model had.</returns>
    public static bool Apply(Graph graph)
    {
        if (!graph.Nodes.SelectMany(node => node.Inputs.Concat(node.Outputs)).Any(value => value is not null && IsNarrow(value)))
        {
            return false;
        }

        bool makesNarrow = graph.Nodes.SelectMany(node => node.Outputs).Any(value => value is { Constant: null } && IsNarrow(value));

        ElementType mainType = graph.Inputs.Concat(graph.Nodes.SelectMany(node => node.Inputs.Concat(node.Outputs))).OfType<Value>().Distinct()
            .Select(value => value.Type!.Value).Where(type => type.ElementType.IsFloat()).GroupBy(type => type.ElementType)
            .OrderByDescending(types => types.Sum(type => type.Shape.ElementCount)).ThenByDescending(types => types.Key.SizeOf()).First().Key;
        new ComputeInSingle(graph, mainType).Run();
        return makesNarrow && mainType == ElementType.Float16;
    }

    private void Run()
    {
        foreach (Node node in _graph.Nodes)
        {
            if (!node.Inputs.Concat(node.Outputs).Any(value => value is not null && IsNarrow(value)))
            {
                Keep(node);
            }
            else if (!TryConvert(node))
            {
                Keep(node);
                _kept.UnionWith(node.Outputs.OfType<Value>());
            }
        }

        foreach (Value output in _graph.Outputs)
        {
            Restore(output);
        }

        _graph.Nodes.Clear();
        _graph.Nodes.AddRange(_nodes);
    }

    private static bool IsNarrow(Value value) => value.Type!.Value.ElementType is ElementType.Float16 or ElementType.BFloat16;

    private void Keep(Node node)
    {
        foreach (Value value in node.Dependencies())
        {
            Restore(value);
        }

        _nodes.Add(node);
    }

    private bool TryConvert(Node node)
    {
        if (node.Graphs().Any())
        {
            return false;
        }

        Dictionary<string, object> attributes = new(node.Attributes.All);
        if (node is { Domain: "", OperatorType: "Cast" } && node.Outputs[0]!.Type!.Value.ElementType == _mainType && node.Inputs[0]!.Type!.Value.ElementType.IsFloat())
        {
            attributes["to"] = (long)ElementType.Float32;
        }

        Value?[] outputs = Array.ConvertAll(node.Outputs, output => output is null ? null : new Value(output.Name));
        Value?[] inputs = Array.ConvertAll(node.Inputs, input => input is null || !IsNarrow(input) ? input : Single(node, input));
        Node converted = new(node.OperatorType, node.Domain, node.OperatorSet, node.Name, inputs, outputs, new Attributes(attributes)) { Fusion = node.Fusion };
        InferenceContext context = new(converted);
        try
        {
            OperatorRegistry.Get(converted).Infer(context);
        }
        catch (OnnxStreamException)
        {
            // Types that the operator wants just as they were.
            return false;
        }

        // The bound of a shape that only the run tells is not to be converted.
        if (context.HasDynamicOutput && node.Outputs.Any(output => output is not null && IsNarrow(output)))
        {
            return false;
        }

        for (int i = 0; i < outputs.Length; i++)
        {
            if (node.Outputs[i] is { } output && outputs[i]!.Type != (IsNarrow(output) ? output.Type!.Value with { ElementType = ElementType.Float32 } : output.Type))
            {
                return false;
            }
        }

        for (int i = 0; i < outputs.Length; i++)
        {
            if (node.Outputs[i] is { } output && IsNarrow(output))
            {
                _singles[output] = outputs[i]!;
            }
            else if (node.Outputs[i] is { } same)
            {
                // Others read it under this identity.
                converted.Outputs[i] = same;
                same.Producer = converted;
            }
        }

        _nodes.Add(converted);
        return true;
    }

    private Value Single(Node reader, Value value)
    {
        if (_singles.TryGetValue(value, out Value? single))
        {
            return single;
        }

        if (value.Constant is { } constant)
        {
            Constant converted = Convert(constant);
            single = new Value(value.Name) { Type = converted.Type, Constant = converted };
        }
        else
        {
            single = new Value($"{value.Name}/single");
            _nodes.Add(GraphEditor.Make(reader, "Cast", "", [value], single, [("to", (long)ElementType.Float32)]));
        }

        _singles.Add(value, single);
        return single;
    }

    // Makes the value of half precision, which its producer no longer does.
    private void Restore(Value value)
    {
        if (IsNarrow(value) && value.Constant is null && _singles.TryGetValue(value, out Value? single) && _kept.Add(value))
        {
            // Messages about the value name the node that it is of.
            Node maker = single.Producer!;
            Attributes attributes = new(new Dictionary<string, object> { ["to"] = (long)value.Type!.Value.ElementType });
            _nodes.Add(new Node("Cast", "", OperatorSets.Newest, maker.Name, [single], [value], attributes) { Origin = maker.Origin ?? maker });
        }
    }

    private static unsafe Constant Convert(Constant constant)
    {
        if (constant.Data is not { } data)
        {
            return constant.WithType(ElementType.Float32);
        }

        byte[] converted = new byte[checked((int)constant.Type.Shape.ElementCount) * sizeof(float)];
        fixed (byte* source = data)
        {
            WeightElements.ToFloat32(constant, 0, source, MemoryMarshal.Cast<byte, float>(converted.AsSpan()));
        }

        return Constant.FromData(constant.Type with { ElementType = ElementType.Float32 }, converted);
    }
}
