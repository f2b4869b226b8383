using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Quantization;

/// <summary>The results of convolutions that have 8 bits where results are quantized.</summary>
internal static class LayerResults
{
    /// <summary>The value that is rounded for a convolution: where an activation follows that only cuts off, what that makes. Null where it is an output of the graph, or nobody reads it.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="consumers">Who reads its values.</param>
    /// <param name="node">The convolution.</param>
    public static Value? Of(Graph graph, IReadOnlyDictionary<Value, List<Node>> consumers, Node node)
    {
        Value value = node.Outputs[0]!;
        if (!graph.Outputs.Contains(value) && consumers.GetValueOrDefault(value) is [{ Domain: "", OperatorType: "Relu" or "Clip" } activation] && ReferenceEquals(activation.Inputs[0], value))
        {
            value = activation.Outputs[0]!;
        }

        return graph.Outputs.Contains(value) || !consumers.ContainsKey(value) ? null : value;
    }
}
