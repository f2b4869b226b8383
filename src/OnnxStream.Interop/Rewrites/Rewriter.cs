using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Rewrites;

/// <summary>The rewrites of a specialized graph, in the order in which they are made. Each computes the same as before, except for <see cref="ComputeInSingle"/> and <see cref="StoreActivations"/>: those change how often numbers are rounded.</summary>
internal static class Rewriter
{
    private static readonly Action<Graph>[] s_passes =
    [
        EliminateIdentity.Apply,
        EliminateDeadNodes.Apply,
        FuseQuantizedProducts.Apply,
        KeepBytes.Apply,
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
    /// <param name="stored">How large activations may be stored; null for single precision. A model that computes in half precision has them in half precision at most.</param>
    public static void Rewrite(Graph graph, RowFormat? stored = null)
    {
        if (ComputeInSingle.Apply(graph))
        {
            stored ??= RowFormat.Of(ElementType.Float16);
        }

        foreach (Action<Graph> pass in s_passes)
        {
            pass(graph);
        }

        if (stored is not null)
        {
            StoreActivations.Apply(graph, stored);
        }

        SkipConversions.Apply(graph);
    }

    /// <summary>As <see cref="Rewrite"/>, but nodes that are lowered anew from run to run stay as they are.</summary>
    /// <remarks>What a pass finds in the shapes of one run need not hold in the next. For the passes, the graph ends and starts again where it touches those nodes.</remarks>
    /// <param name="graph">The graph.</param>
    /// <param name="stored">How large activations may be stored; null for single precision.</param>
    /// <param name="growing">The nodes that stay. Those of which nobody needs the results are left out.</param>
    public static void RewriteAround(Graph graph, RowFormat? stored, IReadOnlySet<Node> growing)
    {
        EliminateDeadNodes.Apply(graph);
        List<Node> kept = [.. graph.Nodes.Where(growing.Contains)];
        HashSet<Value> read = [.. kept.SelectMany(node => node.Inputs).OfType<Value>()];
        HashSet<Value> made = [.. kept.SelectMany(node => node.Outputs).OfType<Value>()];
        List<Node> others = [.. graph.Nodes.Where(node => !growing.Contains(node))];
        HashSet<Value> madeByOthers = [.. others.SelectMany(node => node.Outputs).OfType<Value>()];
        Graph around = new()
        {
            Name = graph.Name,
            Inputs = [.. graph.Inputs, .. made],
            Outputs = [.. madeByOthers.Where(value => read.Contains(value) || graph.Outputs.Contains(value))],
            Nodes = others,
        };

        // Passes look at who made a value, too.
        Node?[] producers = [.. made.Select(value => value.Producer)];
        foreach (Value value in made)
        {
            value.Producer = null;
        }

        Rewrite(around, stored);
        foreach ((Value value, Node? producer) in made.Zip(producers))
        {
            value.Producer = producer;
        }

        graph.Nodes.Clear();
        graph.Nodes.AddRange(around.Nodes);
        graph.Nodes.AddRange(kept);
        graph.SortTopologically();
    }
}
