namespace OnnxStream.Interop.Graphs.Passes;

/// <summary>Removes nodes that return their input as it is: Identity, Dropout without training, Cast to the same type, Reshape and Transpose that change nothing.</summary>
/// <remarks>A node that makes an output of the graph stays: it becomes a view, which costs nothing.</remarks>
internal static class EliminateIdentity
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        foreach (Node node in graph.Nodes)
        {
            if (IsIdentity(node) && !graph.Outputs.Contains(node.Outputs[0]!))
            {
                graph.Replace(node.Outputs[0]!, node.Inputs[0]!);
            }
        }

        // What nobody reads any more is removed by the pass for dead nodes.
    }

    private static bool IsIdentity(Node node)
    {
        if (node.Domain.Length > 0 || node.Inputs.Length == 0 || node.Inputs[0] is not { Type: { } input } || node.Outputs[0]?.Type is not { } output || input != output)
        {
            return false;
        }

        return node.OperatorType switch
        {
            "Identity" or "Cast" or "CastLike" or "Dropout" or "Expand" or "Flatten" or "Reshape" or "Squeeze" or "Tile" or "Unsqueeze" => true,
            "Transpose" => node.Attributes.Ints("perm") is { } permutation && permutation.Select((axis, i) => axis == i).All(same => same),
            _ => false,
        };
    }
}
