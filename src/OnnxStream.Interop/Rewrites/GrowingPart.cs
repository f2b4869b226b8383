using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Rewrites;

/// <summary>The part of a specialized graph whose shapes and constants depend on how far a state has grown, and how it follows when the state grows on.</summary>
/// <remarks>
/// <para>
/// The graph is specialized for the largest state. Comparing it with the same graph for shorter states shows what varies: caches, masks, positions.
/// Everything else stays the same, and is planned once.
/// </para>
/// <para>
/// Types follow from the types and constants of a node's inputs and from nothing else. So only nodes that vary are looked at again, and what they hand on to
/// nodes that are not looked at is compared with what was planned: a node that varies in a way that no comparison showed is found, not overlooked.
/// </para>
/// </remarks>
internal sealed class GrowingPart
{
    private readonly List<SpecializedNode> _roots;
    private List<(Node Planned, SpecializedNode? Specialized)> _steps;
    private readonly HashSet<Value> _varying;
    private IReadOnlyList<(Value Value, Value Stored)> _twins = [];
    private readonly Dictionary<Value, (TensorType Type, Constant? Constant)> _planned = [];
    private readonly Func<Node, IReadOnlyDictionary<Value, Constant>?> _evaluate;
    private readonly RangeReader? _reader;

    private GrowingPart(IEnumerable<SpecializedNode> trace, HashSet<Value> varying, Func<Node, IReadOnlyDictionary<Value, Constant>?> evaluate, RangeReader? reader)
    {
        _varying = varying;
        _evaluate = evaluate;
        _reader = reader;
        _roots = [.. trace.Where(node => node.All().Any(Varies))];
        _steps = [.. _roots.SelectMany(root => root.All()).Where(node => node is { Parts: null, Condition: null, IsFolded: false } && Varies(node)).Select(node => (node.Node, node))];
        foreach (Value value in _roots.SelectMany(root => root.All()).SelectMany(node => node.Node.Inputs.Concat(node.Node.Outputs)).OfType<Value>().Concat(varying))
        {
            _planned.TryAdd(value, (value.Type!.Value, value.Constant));
        }
    }

    /// <summary>The nodes of the graph that are lowered anew when a state has grown, in order.</summary>
    public IReadOnlyList<Node> PlannedNodes => [.. _steps.Select(step => step.Planned)];

    /// <summary>What became of them in the last <see cref="TryFollow"/>.</summary>
    public IReadOnlyList<Node> Nodes => [.. _steps.Select(step => step.Specialized?.Node ?? step.Planned)];

    /// <summary>Whether the type or the content of a value depends on how far the state has grown.</summary>
    public bool Varies(Value value) => _varying.Contains(value);

    /// <summary>Takes note of a rewrite: of the nodes that a graph still has, and of those that were made of others that varied.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="added">The new nodes. What they read and make is what the old ones did, whose types go on being followed.</param>
    public void Rewritten(Graph graph, IReadOnlyList<Node> added)
    {
        HashSet<Node> left = [.. graph.Nodes];
        _steps = [.. _steps.Where(step => left.Contains(step.Planned)), .. added.Select(node => (node, (SpecializedNode?)null))];
    }

    /// <summary>Takes note of tensors that are stored in another type: they follow those that they are stored for.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="stored">What was changed.</param>
    public void Rewritten(Graph graph, StoredCaches stored)
    {
        Rewritten(graph, stored.Nodes);
        _twins = stored.Twins;
    }

    /// <summary>Finds the part of a graph that varies.</summary>
    /// <param name="largest">The graph for the largest state.</param>
    /// <param name="others">The same graph for shorter ones.</param>
    /// <param name="evaluate">Computes a node whose inputs are small constants; null if it cannot.</param>
    /// <param name="reader">Reads constants that are weights.</param>
    /// <returns>Null if the graphs are made of different nodes, or if what varies is stored in half precision, whose nodes are rewritten before there are kernels for them.</returns>
    public static GrowingPart? Find(Segment largest, IEnumerable<Segment> others, Func<Node, IReadOnlyDictionary<Value, Constant>?> evaluate, RangeReader? reader)
    {
        HashSet<Value> varying = [];
        foreach (Segment other in others)
        {
            if (other.End != largest.End || !other.Outputs.SequenceEqual(largest.Outputs) || !other.Inputs.SequenceEqual(largest.Inputs))
            {
                return null;
            }

            foreach ((Value original, Value value) in largest.Values)
            {
                if (other.Values.TryGetValue(original, out Value? shorter) && !IsSame(value, shorter))
                {
                    varying.Add(value);
                }
            }

            if (!Compare(largest.Trace, other.Trace, [], varying))
            {
                return null;
            }
        }

        GrowingPart part = new(largest.Trace, varying, evaluate, reader);
        return part.PlannedNodes.SelectMany(node => node.Inputs.Concat(node.Outputs)).Any(value => value?.Type!.Value.ElementType is ElementType.Float16 or ElementType.BFloat16) ? null : part;
    }

    /// <summary>Gives all values the types and constants that they have where inputs have these types.</summary>
    /// <param name="inputs">The types of the inputs that vary.</param>
    /// <returns>Whether the plan fits; if not, the values are in no defined state.</returns>
    public bool TryFollow(IEnumerable<(Value Input, TensorType Type)> inputs)
    {
        foreach ((Value input, TensorType type) in inputs)
        {
            if (!_planned.TryGetValue(input, out (TensorType Type, Constant? Constant) planned) || planned.Type.ByteLength < type.ByteLength)
            {
                return false;
            }

            input.Type = type;
        }

        try
        {
            bool fits = _roots.TrueForAll(Follow);
            FollowTwins();
            return fits;
        }
        catch (Exception exception) when (exception is InvalidGraphException or UnsupportedOperatorException or ValueRequiredException or OverflowException)
        {
            return false;
        }
    }

    /// <summary>Gives all values the types and constants back that they had for the largest state.</summary>
    public void Restore()
    {
        foreach ((Value value, (TensorType type, Constant? constant)) in _planned)
        {
            (value.Type, value.Constant) = (type, constant);
        }

        FollowTwins();
    }

    private void FollowTwins()
    {
        foreach ((Value value, Value stored) in _twins)
        {
            if (value.Type is { } type)
            {
                stored.Type = type with { ElementType = stored.Type!.Value.ElementType };
            }
        }
    }

    // Values that stand at the same place in both correspond to each other.
    private static bool Compare(IReadOnlyList<SpecializedNode> nodes, IReadOnlyList<SpecializedNode> others, Dictionary<Value, Value> counterparts, HashSet<Value> varying)
    {
        if (nodes.Count != others.Count)
        {
            return false;
        }

        for (int i = 0; i < nodes.Count; i++)
        {
            (SpecializedNode node, SpecializedNode other) = (nodes[i], others[i]);
            if (!AreAlike(node.Node, other.Node) || node.IsFolded != other.IsFolded || node.Parts is null != other.Parts is null || node.Condition is null != other.Condition is null ||
                !Correspond(node.Node.Inputs, other.Node.Inputs) || !Correspond(node.Node.Outputs, other.Node.Outputs) ||
                (node.Parts is not null && !Compare(node.Parts, other.Parts!, counterparts, varying)))
            {
                return false;
            }

            if (node.Condition is { } condition && !IsSame(condition, other.Condition!))
            {
                varying.Add(condition);
            }
        }

        return true;

        bool Correspond(Value?[] left, Value?[] right)
        {
            for (int i = 0; i < left.Length; i++)
            {
                if (left[i] is not { } value || right[i] is not { } counterpart)
                {
                    if (left[i] is not null || right[i] is not null)
                    {
                        return false;
                    }

                    continue;
                }

                if (!counterparts.TryAdd(counterpart, value) && counterparts[counterpart] != value)
                {
                    return false;
                }

                if (!IsSame(value, counterpart))
                {
                    varying.Add(value);
                }
            }

            return true;
        }
    }

    private static bool AreAlike(Node node, Node other) =>
        node.OperatorType == other.OperatorType && node.Domain == other.Domain && node.OperatorSet == other.OperatorSet && node.Inputs.Length == other.Inputs.Length && node.Outputs.Length == other.Outputs.Length;

    private static bool IsSame(Value value, Value other) => value.Type == other.Type && IsSame(value.Constant, other.Constant);

    private static bool IsSame(Constant? constant, Constant? other) =>
        ReferenceEquals(constant, other) ||
        (constant is not null && other is not null && constant.Type == other.Type && constant.StoredType == other.StoredType && constant.Location == other.Location &&
            constant.IsChannelsLast == other.IsChannelsLast && IsSame(constant.Quantization, other.Quantization) && constant.Data is null == other.Data is null && constant.Data.AsSpan().SequenceEqual(other.Data));

    private static bool IsSame(WeightQuantization? quantization, WeightQuantization? other) =>
        ReferenceEquals(quantization, other) ||
        (quantization is not null && other is not null && IsSame(quantization.Scales, other.Scales) && IsSame(quantization.ZeroPoints, other.ZeroPoints) &&
            (quantization.RowLength, quantization.RowBlock, quantization.ColumnBlock, quantization.ZeroPointStride) == (other.RowLength, other.RowBlock, other.ColumnBlock, other.ZeroPointStride));

    private bool Varies(SpecializedNode node) =>
        (node.Condition is { } condition && _varying.Contains(condition)) || node.Node.Inputs.Concat(node.Node.Outputs).Any(value => value is not null && _varying.Contains(value));

    private bool Follow(SpecializedNode node)
    {
        if (node.Condition is { } condition)
        {
            return condition.Constant is { Data: { } data } && ControlFlow.IsTrue(node.Node, condition.Type!.Value, data) == ControlFlow.IsTrue(node.Node, _planned[condition].Type, _planned[condition].Constant!.Data);
        }

        return node.Parts is null ? FollowNode(node) : FollowFunction(node.Node, node.Parts);
    }

    private bool FollowNode(SpecializedNode specialized)
    {
        Node node = specialized.Node;
        foreach (Value output in node.Outputs.OfType<Value>())
        {
            (output.Type, output.Constant) = (null, null);
        }

        InferenceContext context = new(node);
        OperatorRegistry.Get(node).Infer(context);
        if (context.HasDynamicOutput || node.Outputs.Any(output => output is { Type: null }))
        {
            return false;
        }

        foreach (Value output in node.Outputs.OfType<Value>())
        {
            output.Constant = output.Constant?.ReadBy(_reader);
        }

        return (!specialized.IsFolded || node.Outputs.All(output => output is null or { Constant: not null }) || Specializer.TryFold(node, _evaluate)) &&
            node.Outputs.All(output => output is null || FitsPlan(output, output.Type!.Value, output.Constant));
    }

    // What varies has a place in memory for the largest; everything else is as it was.
    private bool FitsPlan(Value value, TensorType type, Constant? constant)
    {
        (TensorType plannedType, Constant? plannedConstant) = _planned[value];
        return _varying.Contains(value)
            ? type.ElementType == plannedType.ElementType && type.ByteLength <= plannedType.ByteLength && constant is null == plannedConstant is null &&
                constant?.Location is null == plannedConstant?.Location is null
            : type == plannedType && IsSame(constant, plannedConstant);
    }

    // A function may be made in another way for other types. Its nodes must be those that were planned, with what varies in them.
    private bool FollowFunction(Node function, List<SpecializedNode> parts)
    {
        int count = 0;
        bool fits = true;
        Dictionary<Value, Value> planned = function.Inputs.OfType<Value>().Distinct().ToDictionary(value => value);
        Specializer.ExpandFunction(OperatorRegistry.Get(function), function, (made, _) =>
        {
            fits = fits && count < parts.Count && FollowPart(made, parts[count++], planned);
            if (!fits)
            {
                // The function cannot go on without types.
                throw new InvalidGraphException($"{made} was not planned.");
            }
        }, value => throw new UnsupportedOperatorException($"{function} reads '{value.Name}' from around it, which is not followed."));
        return fits && count == parts.Count;
    }

    private bool FollowPart(Node made, SpecializedNode part, Dictionary<Value, Value> planned)
    {
        if (!AreAlike(made, part.Node))
        {
            return false;
        }

        Value?[] inputs = new Value?[made.Inputs.Length];
        for (int i = 0; i < inputs.Length; i++)
        {
            if (!TryFindPlanned(made.Inputs[i], part.Node.Inputs[i], planned))
            {
                return false;
            }

            inputs[i] = part.Node.Inputs[i];
        }

        Value?[] outputs = [.. made.Outputs];
        if (part.All().Any(Varies))
        {
            part.Node = new Node(made.OperatorType, made.Domain, made.OperatorSet, made.Name, inputs, part.Node.Outputs, made.Attributes) { Origin = made.Origin, Fusion = made.Fusion };
            if (!Follow(part))
            {
                return false;
            }
        }
        else if (!HaveSameAttributes(made, part.Node))
        {
            return false;
        }

        for (int i = 0; i < outputs.Length; i++)
        {
            Value? value = part.Node.Outputs[i];
            if (outputs[i] is null != value is null)
            {
                return false;
            }

            if (outputs[i] is { } output && !ReferenceEquals(output, value))
            {
                (output.Type, output.Constant) = (value!.Type, value.Constant);
                planned[output] = value;
            }
        }

        return true;
    }

    // Whether an input of a function's node is the value that was planned, or a constant that may stand in its place.
    private bool TryFindPlanned(Value? input, Value? planned, Dictionary<Value, Value> counterparts)
    {
        if (input is null || planned is null)
        {
            return input is null && planned is null;
        }

        if (counterparts.TryGetValue(input, out Value? counterpart))
        {
            return ReferenceEquals(Named(counterpart), Named(planned));
        }

        if (input.Constant is not { } constant || !FitsPlan(planned, constant.Type, constant))
        {
            return false;
        }

        (planned.Type, planned.Constant) = (constant.Type, constant);
        counterparts.Add(input, planned);
        return true;
    }

    // The value that others are only names of: nodes of the graph may read it directly where the function does not.
    private static Value Named(Value value)
    {
        while (value.Producer is { Domain: "", OperatorType: "Identity" } identity)
        {
            value = identity.Inputs[0]!;
        }

        return value;
    }

    private static bool HaveSameAttributes(Node node, Node other) =>
        Equals(node.Fusion, other.Fusion) && node.Attributes.All.Count == other.Attributes.All.Count &&
        node.Attributes.All.All(pair => other.Attributes.All.TryGetValue(pair.Key, out object? value) && (pair.Value, value) switch
        {
            (long[] left, long[] right) => left.AsSpan().SequenceEqual(right),
            (float[] left, float[] right) => left.AsSpan().SequenceEqual(right),
            (string[] left, string[] right) => left.AsSpan().SequenceEqual(right),
            (Constant left, Constant right) => IsSame(left, right),
            (var left, var right) => left.Equals(right),
        });
}
