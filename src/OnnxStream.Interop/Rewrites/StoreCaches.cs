using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Rewrites;

/// <summary>Makes tensors of a state that come and go in another format of storage than single precision, where the graph computes in single precision.</summary>
/// <remarks>
/// Attention that extends a cache where it is reads it as it is stored. For all others a tensor is expanded before its first reader and rounded behind its maker. What was
/// rounded before comes out as it was: halves are exact, and a block of 8 bits that is expanded has the largest magnitude that it was made with.
/// Not one of the usual rewrites: results lose digits, so somebody must have asked for it.
/// </remarks>
internal static class StoreCaches
{
    /// <summary>Rewrites <paramref name="graph"/>.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="inputs">For each input of the graph, the type of elements that it is stored in; null for its own.</param>
    /// <param name="outputs">The same for each output.</param>
    /// <returns>What was changed.</returns>
    public static StoredCaches Apply(Graph graph, IReadOnlyList<ElementType?> inputs, IReadOnlyList<ElementType?> outputs)
    {
        List<Node> added = [];
        List<(Value Value, Value Stored)> twins = [];
        Dictionary<Value, Value> given = [];
        for (int i = 0; i < inputs.Count; i++)
        {
            if (inputs[i] is { } type && graph.Inputs[i].Type!.Value.ElementType != type)
            {
                Value input = graph.Inputs[i];
                Value stored = Twin(input, type);
                given.Add(input, stored);
                graph.Inputs[i] = stored;
                ReadStored(graph, input, stored, added);
            }
        }

        for (int i = 0; i < outputs.Count; i++)
        {
            if (outputs[i] is { } type && graph.Outputs[i].Type!.Value.ElementType != type)
            {
                Value output = graph.Outputs[i];
                graph.Outputs[i] = given.TryGetValue(output, out Value? same) && same.Type!.Value.ElementType == type ? same : WriteStored(graph, output, Twin(output, type), added);
            }
        }

        EliminateDeadNodes.Apply(graph);
        return new StoredCaches([.. added.Where(graph.Nodes.Contains)], twins);

        Value Twin(Value value, ElementType type)
        {
            Value stored = new($"{value.Name}/stored") { Type = value.Type!.Value with { ElementType = type } };
            twins.Add((value, stored));
            return stored;
        }
    }

    private static void ReadStored(Graph graph, Value input, Value stored, List<Node> added)
    {
        int first = -1;
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            Node node = graph.Nodes[i];
            if (!node.Dependencies().Contains(input))
            {
                continue;
            }

            if (IsCachedAttention(node))
            {
                Replace(node.Inputs, input, stored, CachedAttention.FirstPast, CachedAttention.FirstBias);
            }

            first = first < 0 && node.Dependencies().Contains(input) ? i : first;
        }

        // Somebody else reads it, if only whoever wants it back.
        if (first >= 0 || graph.Outputs.Contains(input))
        {
            Node node = Change(stored, input, input.Type!.Value.ElementType);
            graph.Nodes.Insert(Math.Max(0, first), node);
            added.Add(node);
        }
    }

    private static Value WriteStored(Graph graph, Value output, Value stored, List<Node> added)
    {
        if (output.Producer is { } producer && IsCachedAttention(producer) && graph.Nodes.Contains(producer))
        {
            Replace(producer.Outputs, output, stored, 1, producer.Outputs.Length);
            stored.Producer = producer;
            return stored;
        }

        int index = output.Producer is null ? -1 : graph.Nodes.IndexOf(output.Producer);
        Node node = Change(output, stored, stored.Type!.Value.ElementType);
        graph.Nodes.Insert(index + 1, node);
        added.Add(node);
        return stored;
    }

    private static bool IsCachedAttention(Node node) => node is { Domain: OperatorSets.InternalDomain, OperatorType: CachedAttention.Name };

    private static Node Change(Value from, Value to, ElementType type) =>
        new(RowStorage.Name, OperatorSets.InternalDomain, OperatorSets.Newest, from.Name, [from], [to], new Attributes()) { Fusion = new RowStorageFusion(type) };

    private static void Replace(Value?[] values, Value value, Value replacement, int first, int end)
    {
        for (int i = first; i < end; i++)
        {
            values[i] = values[i] == value ? replacement : values[i];
        }
    }
}

/// <summary>What <see cref="StoreCaches"/> did.</summary>
/// <param name="Nodes">The new nodes.</param>
/// <param name="Twins">Values of the graph as they were, and what is stored for each: of the same shape.</param>
internal sealed record StoredCaches(IReadOnlyList<Node> Nodes, IReadOnlyList<(Value Value, Value Stored)> Twins);
