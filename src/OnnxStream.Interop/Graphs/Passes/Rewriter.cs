namespace OnnxStream.Interop.Graphs.Passes;

/// <summary>The rewrites of a specialized graph, in the order in which they are made. Each computes the same as before.</summary>
internal static class Rewriter
{
    private static readonly Action<Graph>[] s_passes =
    [
        EliminateIdentity.Apply,
        EliminateDeadNodes.Apply,
        FuseLayerNormalization.Apply,
        FuseGroupNormalization.Apply,
        FuseActivations.Apply,
        FuseAttention.Apply,
        FuseFullyConnected.Apply,
        ChannelsLast.Apply,
        FuseUpsampling.Apply,
        FuseClamp.Apply,
        EliminateIdentity.Apply,
        TileRows.Apply,
        EliminateDeadNodes.Apply,
    ];

    /// <summary>Applies all passes to <paramref name="graph"/>.</summary>
    public static void Rewrite(Graph graph)
    {
        foreach (Action<Graph> pass in s_passes)
        {
            pass(graph);
        }
    }
}
