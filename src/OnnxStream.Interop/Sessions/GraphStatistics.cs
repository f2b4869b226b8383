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
        long parameters = 0;
        long bytes = 0;
        foreach (Constant constant in graph.AllNodes().SelectMany(node => node.Inputs).OfType<Value>().Distinct().Select(value => value.Constant).OfType<Constant>())
        {
            parameters += constant.Type.ElementType.IsFloat() ? constant.Type.Shape.ElementCount : 0;
            bytes += constant.Location?.Length ?? constant.Data!.Length;
        }

        return new ModelSummary(operators, parameters, bytes, CountFlops(graph));
    }

    private static long? CountFlops(Graph graph)
    {
        if (!graph.Inputs.All(input => input.Declared?.Dimensions is { } dimensions && dimensions.All(dimension => dimension.IsKnown)) ||
            !graph.AllNodes().All(OperatorRegistry.IsSupported))
        {
            return null;
        }

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

        return node.OperatorType switch
        {
            "Conv" => 2 * output.Shape.ElementCount * node.Inputs[1]!.Type!.Value.Shape.Product(1, node.Inputs[1]!.Type!.Value.Shape.Rank),
            "ConvTranspose" => 2 * node.Inputs[0]!.Type!.Value.Shape.ElementCount * node.Inputs[1]!.Type!.Value.Shape.Product(1, node.Inputs[1]!.Type!.Value.Shape.Rank),
            "MatMul" => 2 * output.Shape.ElementCount * node.Inputs[0]!.Type!.Value.Shape[^1],
            "Gemm" => 2 * output.Shape.ElementCount * node.Inputs[0]!.Type!.Value.Shape[node.Attributes.Int("transA", 0) != 0 ? 0 : 1],
            _ => 0,
        };
    }
}
