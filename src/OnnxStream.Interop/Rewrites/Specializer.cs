using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Makes a graph for given input types out of a model's graph: every value gets its type, constants are computed.</summary>
/// <remarks>
/// Where the shape of a value, or the content of one that shapes depend on, is only known when it has been computed, the
/// graph is cut: the result covers the nodes up to there (a segment), and the rest is specialized when the values are known.
/// Control flow is such a cut, too, except an If whose condition is known, and so is what has to do with sequences and optional values.
/// </remarks>
internal sealed class Specializer
{
    private readonly Graph _graph;
    private readonly Dictionary<Value, Value> _values = [];
    private readonly List<Node> _nodes = [];
    private readonly Func<Node, IReadOnlyDictionary<Value, Constant>?> _evaluate;
    private readonly RangeReader? _reader;

    // What was done so far; inside of a function, what was done for it. Null where nobody asks.
    private List<SpecializedNode>? _trace;

    private Specializer(Graph graph, Func<Node, IReadOnlyDictionary<Value, Constant>?> evaluate, RangeReader? reader, bool isTraced)
    {
        _trace = isTraced ? [] : null;
        _graph = graph;
        _evaluate = evaluate;
        _reader = reader;
    }

    /// <summary>Specializes the nodes from <paramref name="start"/> on.</summary>
    /// <param name="graph">The model's graph.</param>
    /// <param name="start">The first node.</param>
    /// <param name="known">The values that exist before that node, with their types; constants where their content is known.</param>
    /// <param name="outputs">The values of <paramref name="graph"/> that the caller wants in the end.</param>
    /// <param name="evaluate">Computes a node whose inputs are small constants; null if it cannot.</param>
    /// <param name="reader">Reads constants of the new graph that are weights; null for their sources.</param>
    /// <param name="isTraced">Whether to keep every node that was specialized (<see cref="Segment.Trace"/>).</param>
    public static Segment Specialize(Graph graph, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> outputs, Func<Node, IReadOnlyDictionary<Value, Constant>?> evaluate, RangeReader? reader = null, bool isTraced = false) =>
        new Specializer(graph, evaluate, reader, isTraced).Run(start, known, outputs);

    private Segment Run(int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> outputs)
    {
        foreach ((Value value, (TensorType type, Constant? constant)) in known)
        {
            _values.Add(value, new Value(value.Name) { Type = type, Constant = constant });
        }

        Value? needed = null;
        bool dynamic = false;
        bool endsBeforeNode = false;
        int index = start;
        for (; index < _graph.Nodes.Count && !dynamic; index++)
        {
            Node node = _graph.Nodes[index];
            if (!IsStep(node))
            {
                if (!TryInline(node))
                {
                    endsBeforeNode = true;
                    break;
                }

                continue;
            }

            int before = _nodes.Count;
            try
            {
                dynamic = Add(node);
            }
            catch (ValueRequiredException exception)
            {
                needed = Needed(node, exception.Value);
                _nodes.RemoveRange(before, _nodes.Count - before);
                break;
            }
        }

        return Finish(start, index, dynamic, endsBeforeNode, needed, known, outputs);
    }

    // Identity passes on whatever it is given; what is not known here is no tensor.
    private bool IsStep(Node node) =>
        OperatorRegistry.Get(node) is var definition && definition.IsStep && !(definition is Identity && node.Inputs is [{ Constant: null } input] && !_values.ContainsKey(input));

    // Adds a node of a model's graph; whether the shape of an output is only known when it has run.
    private bool Add(Node original) => Add(Clone(original), original.Outputs);

    // Adds a node of the new graph, whose outputs are what became of those of the model's.
    private bool Add(Node node, Value?[] originals)
    {
        InferenceContext context = new(node);
        Operator definition = OperatorRegistry.Get(node);
        try
        {
            if (definition.IsFunction(context))
            {
                Expand(definition, node, originals);
                return false;
            }

            definition.Infer(context);
        }
        catch (OverflowException)
        {
            throw context.Invalid("a tensor would have more than 2^63 elements or bytes");
        }

        for (int i = 0; i < node.Outputs.Length; i++)
        {
            if (node.Outputs[i] is { } output)
            {
                if (output.Type is null)
                {
                    throw context.Invalid($"output {i} ('{output.Name}') is not one of the operator's");
                }

                // An attribute may be a weight.
                output.Constant = output.Constant?.ReadBy(_reader);
                _values[originals[i]!] = output;
            }
        }

        bool isFolded = node.Outputs.All(output => output is null || output.Constant is not null) || TryFold(node, _evaluate);
        _trace?.Add(new SpecializedNode { Node = node, IsFolded = isFolded });
        if (isFolded)
        {
            return false;
        }

        _nodes.Add(node);
        return context.HasDynamicOutput;
    }

    // Puts the nodes that an operator is made of in its place.
    private void Expand(Operator definition, Node node, Value?[] originals)
    {
        List<SpecializedNode>? outer = _trace;
        _trace = outer is null ? null : [];
        try
        {
            ExpandFunction(definition, node, (inner, output) =>
            {
                if (Add(inner, output is { } index ? [originals[index]] : inner.Outputs))
                {
                    throw new UnsupportedOperatorException($"{node} is made of {inner}, whose shape depends on data, which is not supported.");
                }
            }, value => Specialized(node, value));
            outer?.Add(new SpecializedNode { Node = node, Parts = _trace });
        }
        finally
        {
            _trace = outer;
        }
    }

    /// <summary>Adds the nodes that a function is made of, in order.</summary>
    /// <param name="definition">The function.</param>
    /// <param name="node">Its node.</param>
    /// <param name="add">Adds a node, and infers its types. The last ones only give results to the outputs of <paramref name="node"/>; their index comes with them.</param>
    /// <param name="around">What a value became that graphs inside of the node read from around it.</param>
    public static void ExpandFunction(Operator definition, Node node, Action<Node, int?> add, Func<Value, Value> around)
    {
        FunctionContext function = new(node, inner => add(inner, null), around);
        definition.Expand(function);
        for (int i = 0; i < node.Outputs.Length; i++)
        {
            if (node.Outputs[i] is { } output)
            {
                Value made = function.Outputs.GetValueOrDefault(i) ?? throw function.Invalid($"output {i} ('{output.Name}') is not one of the operator's");
                add(new Node("Identity", "", OperatorSets.Newest, node.Name, [made], [output], new Attributes()) { Origin = node.Origin ?? node }, i);
            }
        }
    }

    // The input of a node that must be known before planning can go on. A function may need something that it computes from its inputs first.
    private Value? Needed(Node node, Value value)
    {
        Stack<Value> open = new([value]);
        HashSet<Value> seen = [value];
        while (open.TryPop(out Value? current))
        {
            if (Array.Find(node.Inputs, input => input is not null && ReferenceEquals(_values[input], current)) is { } found)
            {
                return found;
            }

            foreach (Value source in current.Producer?.Inputs.OfType<Value>() ?? [])
            {
                if (source.Constant is null && seen.Add(source))
                {
                    open.Push(source);
                }
            }
        }

        return null;
    }

    // Puts the nodes of a branch in the place of an If whose condition is known. Where that would cut the branch, it runs on its own.
    private bool TryInline(Node node)
    {
        if (node.OperatorType != "If" || node.Inputs is not [{ } condition, ..] || (_values.TryGetValue(condition, out Value? value) ? value : condition).Constant is not { Data: { } data } constant)
        {
            return false;
        }

        Graph branch = ControlFlow.Branch(node, ControlFlow.IsTrue(node, constant.Type, data));
        if (branch.Outputs.Count < node.Outputs.Length)
        {
            throw new InvalidGraphException($"{node}: it has {node.Outputs.Length} outputs, but its branch makes {branch.Outputs.Count}.");
        }

        int before = _nodes.Count;
        int traced = _trace?.Count ?? 0;
        _trace?.Add(new SpecializedNode { Node = node, Condition = value ?? condition });
        try
        {
            // A branch may also give a sequence from around it.
            bool isWhole = branch.Nodes.All(inner => IsStep(inner) ? !Add(inner) : TryInline(inner)) &&
                branch.Outputs.Take(node.Outputs.Length).All(output => output.Constant is not null || _values.ContainsKey(output));
            for (int i = 0; i < node.Outputs.Length && isWhole; i++)
            {
                if (node.Outputs[i] is { } output)
                {
                    Add(new Node("Identity", "", OperatorSets.Newest, $"{node.Name}/{output.Name}", [Specialized(node, branch.Outputs[i])], [new Value(output.Name)], new Attributes()), [output]);
                }
            }

            if (isWhole)
            {
                return true;
            }
        }
        catch (ValueRequiredException)
        {
        }

        _nodes.RemoveRange(before, _nodes.Count - before);
        _trace?.RemoveRange(traced, _trace.Count - traced);
        return false;
    }

    private Segment Finish(int start, int end, bool dynamic, bool endsBeforeNode, Value? needed, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> outputs)
    {
        // An initializer may be an output as it is.
        foreach (Value output in outputs)
        {
            if (output.Constant is { } constant && start == 0)
            {
                _values.TryAdd(output, new Value(output.Name) { Type = constant.Type, Constant = constant.ReadBy(_reader) });
            }
        }

        // What later nodes read goes on as a constant where it is one: weights stay in their files, and shapes are known.
        HashSet<Value> later = [.. _values.Keys.Where(value => value.Constant is null && !known.ContainsKey(value) && _graph.IsReadFrom(end, value))];
        Dictionary<Value, Constant> constants = later.Where(value => _values[value].Constant is not null).ToDictionary(value => value, value => _values[value].Constant!);
        IEnumerable<Value> wanted = outputs.Where(value => _values.ContainsKey(value) && !known.ContainsKey(value) && (value.Constant is null || start == 0));
        Value[] segmentOutputs = [.. wanted.Union(later.Where(value => !constants.ContainsKey(value)))];
        HashSet<Value> read = [.. _nodes.SelectMany(node => node.Inputs).OfType<Value>()];
        Value[] segmentInputs = [.. known.Where(pair => pair.Value.Constant is null && read.Contains(_values[pair.Key])).Select(pair => pair.Key)];
        Graph graph = new()
        {
            Name = _graph.Name,
            Inputs = [.. segmentInputs.Select(value => _values[value])],
            Outputs = [.. segmentOutputs.Select(value => _values[value])],
            Nodes = _nodes,
        };
        return new Segment(graph, start, end, segmentInputs, segmentOutputs, constants, needed, dynamic, endsBeforeNode, _values, _trace ?? []);
    }

    private Node Clone(Node node)
    {
        Value?[] inputs = Array.ConvertAll(node.Inputs, input => input is null ? null : Specialized(node, input));
        Value?[] outputs = Array.ConvertAll(node.Outputs, output => output is null ? null : new Value(output.Name));
        return new Node(node.OperatorType, node.Domain, node.OperatorSet, node.Name, inputs, outputs, node.Attributes) { Fusion = node.Fusion };
    }

    // What a value that a node of the model reads became.
    private Value Specialized(Node node, Value input)
    {
        if (!_values.TryGetValue(input, out Value? value))
        {
            if (input.Constant is null)
            {
                throw new InvalidGraphException($"{node}: the input '{input.Name}' is a sequence or an optional value without content, expected a tensor.");
            }

            value = new Value(input.Name) { Type = input.Constant.Type, Constant = input.Constant.ReadBy(_reader) };
            _values.Add(input, value);
        }

        return value;
    }

    /// <summary>Computes a node if its inputs are small constants, and makes its outputs constants.</summary>
    /// <param name="node">The node, with its types.</param>
    /// <param name="evaluate">Computes it; null if it cannot.</param>
    public static bool TryFold(Node node, Func<Node, IReadOnlyDictionary<Value, Constant>?> evaluate)
    {
        if (!OperatorRegistry.Get(node).IsDeterministic ||
            !node.Inputs.All(input => input is null || (input.Constant is { } constant && constant.Type.ByteLength <= Operator.FoldLimitBytes)) ||
            !node.Outputs.All(output => output is null || output.Type!.Value.ByteLength <= Operator.FoldLimitBytes) ||
            evaluate(node) is not { } constants)
        {
            return false;
        }

        foreach ((Value value, Constant constant) in constants)
        {
            value.Type = constant.Type;
            value.Constant = constant;
        }

        return true;
    }
}
