using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Removes nodes whose results nobody reads.</summary>
internal static class EliminateDeadNodes
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    public static void Apply(Graph graph)
    {
        HashSet<Value> needed = [.. graph.Outputs];
        for (int i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            Node node = graph.Nodes[i];
            if (!node.Outputs.Any(output => output is not null && needed.Contains(output)))
            {
                graph.Nodes.RemoveAt(i);
                continue;
            }

            needed.UnionWith(node.Dependencies());
        }
    }
}
