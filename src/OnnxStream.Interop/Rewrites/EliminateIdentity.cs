using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Removes nodes that return an input as it is: Identity, Dropout without training, Cast to the same type, Reshape, Transpose and Pad that change nothing, factors of 1.</summary>
/// <remarks>A node that makes an output of the graph stays: it becomes a view, which costs nothing.</remarks>
internal static class EliminateIdentity
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        foreach (Node node in graph.Nodes)
        {
            if (Returned(node) is { } input && !graph.Outputs.Contains(node.Outputs[0]!))
            {
                graph.Replace(node.Outputs[0]!, input);
            }
        }

        // What nobody reads any more is removed by the pass for dead nodes.
    }

    // The input that is the output too; null if the node does something.
    private static Value? Returned(Node node)
    {
        Value? input = node switch
        {
            { Domain.Length: > 0 } or { Inputs.Length: 0 } or { Outputs: not [not null, ..] } => null,
            { OperatorType: "Identity" or "Cast" or "CastLike" or "Dropout" or "Expand" or "Flatten" or "Reshape" or "Squeeze" or "Tile" or "Unsqueeze" } => node.Inputs[0],
            { OperatorType: "Transpose" } when node.Attributes.Ints("perm") is { } permutation && permutation.Select((axis, i) => axis == i).All(same => same) => node.Inputs[0],
            { OperatorType: "Pad" } when IsZero(node.OperatorSet < 11 ? node.Attributes.Ints("pads") : GraphEditor.Integers(node.Inputs[1])) => node.Inputs[0],
            { OperatorType: "Mul" or "Div" } when GraphEditor.Scalar(node.Inputs[1]) == 1 => node.Inputs[0],
            { OperatorType: "Mul" } when GraphEditor.Scalar(node.Inputs[0]) == 1 => node.Inputs[1],
            _ => null,
        };
        return input?.Type == node.Outputs[0]?.Type ? input : null;
    }

    // Pads of opposite signs would move what is there, and keep the shape.
    private static bool IsZero(long[]? pads) => pads is not null && !pads.AsSpan().ContainsAnyExcept(0);
}
