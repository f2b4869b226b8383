using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>Finds out what can be said of the type and shape of every value of a model before it runs.</summary>
/// <remarks>
/// If the model leaves no dimension of its inputs open, the graph is specialized as a session does it: shape arithmetic and
/// constants are computed, and every shape is known. Otherwise the graph stays as it is, and is specialized twice, for two
/// sizes of everything open: what comes out differently is open, too.
/// </remarks>
internal sealed class ShapeSurvey : IDisposable
{
    // Networks halve and quarter sizes, or end at a number of positions: the first pair that the graph accepts is taken.
    private static readonly (long First, long Second)[] s_sizes = [(64, 128), (16, 32), (8, 16), (2, 4), (1, 2)];

    private readonly Graph _graph;
    private readonly ConstantEvaluator _evaluator = new();

    private ShapeSurvey(Graph graph) => _graph = graph;

    /// <summary>A copy of a graph in which every value declares what is known of it.</summary>
    /// <exception cref="InvalidGraphException">The graph contradicts itself.</exception>
    public static Graph Survey(Graph graph)
    {
        XnnpackLibrary.Initialize();
        using ShapeSurvey survey = new(graph);
        return survey.Survey();
    }

    /// <inheritdoc/>
    public void Dispose() => _evaluator.Dispose();

    private Graph Survey()
    {
        if (_graph.Inputs.Any(input => input.Declared?.Dimensions is null || !input.Declared.IsTensor || input.Declared.ElementType == ElementType.Undefined))
        {
            return Copy(null, null);
        }

        try
        {
            if (_graph.Inputs.All(input => input.Declared!.Dimensions!.All(dimension => dimension.IsKnown)))
            {
                Segment segment = Specialize(0);
                return segment.End == _graph.Nodes.Count ? Declare(segment) : Copy(segment, segment);
            }

            foreach ((long first, long second) in s_sizes)
            {
                if (TrySpecialize(first) is { } one && TrySpecialize(second) is { } other)
                {
                    return Copy(one, other);
                }
            }
        }
        catch (UnsupportedOperatorException)
        {
            // The format can describe operators that this library cannot compute; nothing is known about their results.
        }

        return Copy(null, null);
    }

    private Segment? TrySpecialize(long openDimension)
    {
        try
        {
            return Specialize(openDimension);
        }
        catch (InvalidGraphException)
        {
            return null;
        }
    }

    private Segment Specialize(long openDimension)
    {
        Dictionary<Value, (TensorType, Constant?)> known = [];
        foreach (Value input in _graph.Inputs)
        {
            Shape shape = new([.. input.Declared!.Dimensions!.Select(dimension => dimension.IsKnown ? dimension.Value : openDimension)]);
            known.Add(input, (new TensorType(input.Declared.ElementType, shape), null));
        }

        return Specializer.Specialize(_graph, 0, known, _graph.Outputs, _evaluator.Evaluate);
    }

    private Graph Declare(Segment segment)
    {
        Graph graph = segment.Graph;

        // A segment makes its outputs; that one is an input is for whoever writes the graph to judge.
        graph.Outputs.AddRange(_graph.Outputs.Where(_graph.Inputs.Contains).Select(output => segment.Values[output]));
        graph.Inputs.AddRange(graph.Outputs.Where(output => _graph.Inputs.Any(input => input.Name == output.Name)).Except(graph.Inputs).ToList());
        Value?[] bounded = segment.EndsDynamic ? graph.Nodes[^1].Outputs : [];
        EliminateDeadNodes.Apply(graph);
        foreach (Value value in graph.Nodes.SelectMany(node => node.Inputs.Concat(node.Outputs)).OfType<Value>().Concat(graph.Inputs).Concat(graph.Outputs))
        {
            TensorType type = value.Type!.Value;
            value.Declared = new ValueMetadata(value.Name, type.ElementType, bounded.Contains(value) ? null : Dimensions(type.Shape));
        }

        return graph;
    }

    private static Dimension[] Dimensions(Shape shape) => Array.ConvertAll(shape.ToArray(), dimension => new Dimension(dimension));

    private Graph Copy(Segment? first, Segment? second)
    {
        Value?[] bounded = first?.EndsDynamic == true ? _graph.Nodes[first.End - 1].Outputs : [];
        Dictionary<Value, Value> copies = [];
        Graph copy = new() { Name = _graph.Name };
        copy.Inputs.AddRange(_graph.Inputs.Select(CopyOf));
        foreach (Node node in _graph.Nodes)
        {
            Value?[] inputs = Array.ConvertAll(node.Inputs, input => input is null ? null : CopyOf(input));
            Value?[] outputs = Array.ConvertAll(node.Outputs, output => output is null ? null : CopyOf(output));

            // What follows from constants alone does not depend on the sizes that were tried.
            if (inputs.All(input => input is null or { Constant: not null }) && node.Outputs.All(output => output is null || first?.Values.GetValueOrDefault(output)?.Constant is not null))
            {
                for (int i = 0; i < outputs.Length; i++)
                {
                    outputs[i]?.Constant = first!.Values[node.Outputs[i]!].Constant;
                }

                continue;
            }

            copy.Nodes.Add(new Node(node.OperatorType, node.Domain, node.OperatorSet, node.Name, inputs, outputs, new Attributes(node.Attributes.All)));
        }

        copy.Outputs.AddRange(_graph.Outputs.Select(CopyOf));
        EliminateDeadNodes.Apply(copy);
        return copy;

        Value CopyOf(Value value)
        {
            if (!copies.TryGetValue(value, out Value? result))
            {
                result = new Value(value.Name) { Constant = value.Constant, Declared = Declaration(value) };
                copies.Add(value, result);
            }

            return result;
        }

        ValueMetadata Declaration(Value value)
        {
            if (_graph.Inputs.Contains(value) && value.Declared is not null)
            {
                return value.Declared;
            }

            if (value.Constant is { } constant)
            {
                return new ValueMetadata(value.Name, constant.Type.ElementType, Dimensions(constant.Type.Shape));
            }

            if (first?.Values.GetValueOrDefault(value)?.Type is not { } one || second?.Values.GetValueOrDefault(value)?.Type is not { } other)
            {
                return value.Declared ?? new ValueMetadata(value.Name, ElementType.Undefined, null);
            }

            return new ValueMetadata(value.Name, one.ElementType, bounded.Contains(value) || one.Shape.Rank != other.Shape.Rank ? null :
                [.. one.Shape.ToArray().Select((dimension, i) => new Dimension(dimension == other.Shape[i] ? dimension : -1))]);
        }
    }
}
