using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Planning;

/// <summary>The order in which the nodes of a graph are computed.</summary>
internal static class NodeOrder
{
    /// <summary>The graph's own order, but with whoever else reads the input of an operator that could work in place before it.</summary>
    /// <remarks>
    /// In a residual block, a normalization and a convolution read the same tensor. With the convolution first, the normalization is
    /// the last reader and can write where it reads: one tensor less at the point where memory is needed most.
    /// </remarks>
    public static List<Node> Of(Graph graph)
    {
        Dictionary<Value, List<Node>> consumers = graph.Consumers();
        HashSet<Value> outputs = [.. graph.Outputs];
        HashSet<Value> made = [.. graph.Inputs];
        HashSet<Node> done = [];
        List<Node> order = new(graph.Nodes.Count);
        foreach (Node node in graph.Nodes)
        {
            if (done.Contains(node))
            {
                continue;
            }

            if (Overwritten(node) is { } value && !outputs.Contains(value))
            {
                List<Node> others = [.. consumers[value].Where(other => other != node && !done.Contains(other))];

                // Whoever needs more memory than is saved, or cannot come first, leaves the order as it is.
                if (others.Count > 0 && others.All(IsReady) && others.Sum(other => other.Outputs.Sum(Bytes)) <= Bytes(value))
                {
                    others.ForEach(Add);
                }
            }

            Add(node);
        }

        return order;

        bool IsReady(Node node) => node.Inputs.All(input => input is null || input.Constant is not null || made.Contains(input));

        void Add(Node node)
        {
            done.Add(node);
            order.Add(node);
            foreach (Value output in node.Outputs.OfType<Value>())
            {
                made.Add(output);
            }
        }
    }

    // The input whose memory the first output could take.
    private static Value? Overwritten(Node node) =>
        OperatorRegistry.Get(node).CanOverwriteInput && node.Inputs[0] is { Constant: null } input && input.Type == node.Outputs[0]?.Type ? input : null;

    private static long Bytes(Value? value) => value is { Constant: null, Type: { } type } ? type.ByteLength : 0;
}
