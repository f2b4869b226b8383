using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Rewrites;

/// <summary>The rewrites of a specialized graph, in the order in which they are made. Each computes the same as before, except for the first and the last: those change how often numbers are rounded.</summary>
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
        FusePadding.Apply,
        ChannelsLast.Apply,
        FuseUpsampling.Apply,
        FuseClamp.Apply,
        FuseConvolutionActivations.Apply,
        NestConcatenations.Apply,
        EliminateIdentity.Apply,
        TileRows.Apply,
        EliminateDeadNodes.Apply,
    ];

    /// <summary>Applies all passes to <paramref name="graph"/>.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="storesHalf">Whether large activations may be stored in half precision. Those of a model that computes in half precision are in any case.</param>
    public static void Rewrite(Graph graph, bool storesHalf = false)
    {
        storesHalf |= ComputeInSingle.Apply(graph);
        foreach (Action<Graph> pass in s_passes)
        {
            pass(graph);
        }

        if (storesHalf)
        {
            StoreInHalf.Apply(graph);
        }
    }
}
