using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Graphs;

/// <summary>Makes a graph for given input types out of a model's graph: every value gets its type, constants are computed.</summary>
/// <remarks>
/// Where the shape of a value, or the content of one that shapes depend on, is only known when it has been computed, the
/// graph is cut: the result covers the nodes up to there (a segment), and the rest is specialized when the values are known.
/// </remarks>
internal sealed class Specializer
{
    /// <summary>Results of folding larger than this stay computations: memory is worth more than time.</summary>
    private const long FoldLimitBytes = 64 << 10;

    private readonly Graph _graph;
    private readonly Dictionary<Value, Value> _values = [];
    private readonly Func<Node, IReadOnlyDictionary<Value, Constant>?> _evaluate;

    private Specializer(Graph graph, Func<Node, IReadOnlyDictionary<Value, Constant>?> evaluate)
    {
        _graph = graph;
        _evaluate = evaluate;
    }

    /// <summary>Specializes the nodes from <paramref name="start"/> on.</summary>
    /// <param name="graph">The model's graph.</param>
    /// <param name="start">The first node.</param>
    /// <param name="known">The values that exist before that node, with their types; constants where their content is known.</param>
    /// <param name="outputs">The values of <paramref name="graph"/> that the caller wants in the end.</param>
    /// <param name="evaluate">Computes a node whose inputs are constants in memory; null if it cannot.</param>
    public static Segment Specialize(Graph graph, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> outputs, Func<Node, IReadOnlyDictionary<Value, Constant>?> evaluate) =>
        new Specializer(graph, evaluate).Run(start, known, outputs);

    private Segment Run(int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> outputs)
    {
        foreach ((Value value, (TensorType type, Constant? constant)) in known)
        {
            _values.Add(value, new Value(value.Name) { Type = type, Constant = constant });
        }

        List<Node> nodes = [];
        Value? needed = null;
        bool dynamic = false;
        int index = start;
        for (; index < _graph.Nodes.Count && !dynamic; index++)
        {
            Node node = Clone(_graph.Nodes[index]);
            InferenceContext context = new(node);
            try
            {
                OperatorRegistry.Get(node).Infer(context);
            }
            catch (ValueRequiredException exception)
            {
                needed = _graph.Nodes[index].Inputs[Array.FindIndex(node.Inputs, input => ReferenceEquals(input, exception.Value))];
                break;
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

                    _values[_graph.Nodes[index].Outputs[i]!] = output;
                }
            }

            if (!node.Outputs.All(output => output is null || output.Constant is not null) && !TryFold(node))
            {
                nodes.Add(node);
                dynamic = context.HasDynamicOutput;
            }
        }

        return Finish(start, index, nodes, dynamic, needed, known, outputs);
    }

    private Segment Finish(int start, int end, List<Node> nodes, bool dynamic, Value? needed, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> outputs)
    {
        // An initializer may be an output as it is.
        foreach (Value output in outputs)
        {
            if (output.Constant is { } constant && start == 0)
            {
                _values.TryAdd(output, new Value(output.Name) { Type = constant.Type, Constant = constant });
            }
        }

        // What later nodes read goes on as a constant where it is one: weights stay in their files, and shapes are known.
        HashSet<Value> later = [.. _graph.Nodes.Skip(end).SelectMany(node => node.Inputs).OfType<Value>().Where(value => value.Constant is null && _values.ContainsKey(value) && !known.ContainsKey(value))];
        Dictionary<Value, Constant> constants = later.Where(value => _values[value].Constant is not null).ToDictionary(value => value, value => _values[value].Constant!);
        IEnumerable<Value> wanted = outputs.Where(value => _values.ContainsKey(value) && !known.ContainsKey(value) && (value.Constant is null || start == 0));
        Value[] segmentOutputs = [.. wanted.Union(later.Where(value => !constants.ContainsKey(value)))];
        HashSet<Value> read = [.. nodes.SelectMany(node => node.Inputs).OfType<Value>()];
        Value[] segmentInputs = [.. known.Where(pair => pair.Value.Constant is null && read.Contains(_values[pair.Key])).Select(pair => pair.Key)];
        Graph graph = new()
        {
            Name = _graph.Name,
            Inputs = [.. segmentInputs.Select(value => _values[value])],
            Outputs = [.. segmentOutputs.Select(value => _values[value])],
            Nodes = nodes,
        };
        return new Segment(graph, start, end, segmentInputs, segmentOutputs, constants, needed, dynamic, _values);
    }

    private Node Clone(Node node)
    {
        Value?[] inputs = Array.ConvertAll(node.Inputs, input =>
        {
            if (input is null)
            {
                return null;
            }

            if (!_values.TryGetValue(input, out Value? value))
            {
                if (input.Constant is null)
                {
                    throw new InvalidGraphException($"{node}: the input '{input.Name}' is neither an input of the graph, nor a constant, nor made by a node before.");
                }

                value = new Value(input.Name) { Type = input.Constant.Type, Constant = input.Constant };
                _values.Add(input, value);
            }

            return value;
        });
        Value?[] outputs = Array.ConvertAll(node.Outputs, output => output is null ? null : new Value(output.Name));
        return new Node(node.OperatorType, node.Domain, node.OperatorSet, node.Name, inputs, outputs, node.Attributes);
    }

    private bool TryFold(Node node)
    {
        if (!OperatorRegistry.Get(node).IsDeterministic ||
            !node.Inputs.All(input => input is null || (input.Constant is { } constant && constant.Type.ByteLength <= FoldLimitBytes)) ||
            !node.Outputs.All(output => output is null || output.Type!.Value.ByteLength <= FoldLimitBytes) ||
            _evaluate(node) is not { } constants)
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

/// <summary>A part of a model's graph, specialized for types.</summary>
/// <param name="Graph">The nodes with their types.</param>
/// <param name="Start">The first node of the model's graph that it covers.</param>
/// <param name="End">The node behind the last one that it covers.</param>
/// <param name="Inputs">The model's values that <paramref name="Graph"/>'s inputs stand for.</param>
/// <param name="Outputs">The model's values that <paramref name="Graph"/>'s outputs stand for.</param>
/// <param name="Constants">The model's values that later segments read and that turned out to be constant.</param>
/// <param name="Needed">The value of the model whose content the next node needs for planning; null if the segment ends for another reason.</param>
/// <param name="EndsDynamic">Whether the shapes of the last node's outputs are only bounds of what they turn out to be.</param>
/// <param name="Values">For each value of the model that is known now, what it became: with its type, and its content where that is the same in every run.</param>
internal sealed record Segment(
    Graph Graph,
    int Start,
    int End,
    IReadOnlyList<Value> Inputs,
    IReadOnlyList<Value> Outputs,
    IReadOnlyDictionary<Value, Constant> Constants,
    Value? Needed,
    bool EndsDynamic,
    IReadOnlyDictionary<Value, Value> Values);
