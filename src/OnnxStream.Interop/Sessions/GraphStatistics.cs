using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>Counts what is in a graph.</summary>
internal static class GraphStatistics
{
    /// <summary>Summarises a model's graph.</summary>
    public static ModelSummary Summarize(Graph graph)
    {
        List<OperatorCount> operators = [.. graph.AllNodes()
            .GroupBy(node => (node.Domain, node.OperatorType))
            .Select(group => new OperatorCount(
                group.Key.Domain.Length > 0 ? $"{group.Key.Domain}.{group.Key.OperatorType}" : group.Key.OperatorType,
                group.Count(),
                OperatorRegistry.IsSupported(group.First())))
            .OrderByDescending(count => count.Count)
            .ThenBy(count => count.OperatorType, StringComparer.Ordinal)];
        (long parameters, long bytes) = WeightCounter.Count(graph);
        return new ModelSummary(operators, parameters, bytes, CountFlops(graph));
    }

    // Every model can be described. What is wrong with it, or with its weights, is for the session to say that would run it.
    private static long? CountFlops(Graph graph)
    {
        if (!graph.Inputs.All(input => input.Declared is { IsTensor: true, ElementType: not ElementType.Undefined, Dimensions: { } dimensions } && dimensions.All(dimension => dimension.IsKnown)) ||
            !graph.AllNodes().All(OperatorRegistry.IsSupported))
        {
            return null;
        }

        try
        {
            return SumFlops(graph);
        }
        catch (Exception exception) when (exception is InvalidGraphException or UnsupportedOperatorException or WeightsException or OverflowException)
        {
            return null;
        }
    }

    private static long? SumFlops(Graph graph)
    {

        Dictionary<Value, (TensorType, Constant?)> known = [];
        foreach (Value input in graph.Inputs)
        {
            known.Add(input, (new TensorType(input.Declared!.ElementType, new Shape([.. input.Declared.Dimensions!.Select(dimension => dimension.Value)])), null));
        }

        using ConstantEvaluator evaluator = new();
        Segment segment = Specializer.Specialize(graph, 0, known, graph.Outputs, evaluator.Evaluate);
        return segment.End < graph.Nodes.Count ? null : segment.Graph.Nodes.Sum(Flops);
    }

    /// <summary>The multiplications and additions of one node with known types; 0 for operators without products.</summary>
    public static long Flops(Node node)
    {
        if (node.Outputs.Length == 0 || node.Outputs[0]?.Type is not { } output)
        {
            return 0;
        }

        Shape Input(int index) => node.Inputs[index]!.Type!.Value.Shape;

        return checked(node.OperatorType switch
        {
            "Conv" => 2 * output.Shape.ElementCount * Input(1).Product(1, Input(1).Rank),
            "ConvTranspose" => 2 * Input(0).ElementCount * Input(1).Product(1, Input(1).Rank),
            "MatMul" => 2 * output.Shape.ElementCount * Input(0)[^1],
            "Gemm" => 2 * output.Shape.ElementCount * Input(0)[node.Attributes.Int("transA", 0) != 0 ? 0 : 1],
            _ => 0,
        });
    }
}
