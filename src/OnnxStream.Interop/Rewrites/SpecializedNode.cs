using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Rewrites;

/// <summary>A node that was specialized, whether it became a step, a constant or other nodes.</summary>
internal sealed class SpecializedNode
{
    /// <summary>The node. Its inputs and outputs are values of the specialized graph.</summary>
    public required Node Node { get; set; }

    /// <summary>Whether the node was computed when the graph was specialized, or its outputs follow from types alone: the graph does not have it.</summary>
    public bool IsFolded { get; set; }

    /// <summary>The nodes that the node is made of; null if it is not made of others.</summary>
    public List<SpecializedNode>? Parts { get; init; }

    /// <summary>The condition that chose the branch of an If, whose nodes follow. There is no node to compute then.</summary>
    public Value? Condition { get; init; }

    /// <summary>The node, and those that it is made of.</summary>
    public IEnumerable<SpecializedNode> All() => Parts is null ? [this] : Parts.SelectMany(part => part.All()).Prepend(this);
}
