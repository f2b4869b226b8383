namespace OnnxStream.Interop.Graphs;

/// <summary>What a rewrite, or an operator that is made of others, tells the operator of a node, such as an activation that it is to apply to its results.</summary>
/// <remarks>Operators believe it. So it is not an attribute: a file has no words for it.</remarks>
internal abstract record NodeFusion
{
    /// <summary>The graphs that the node computes.</summary>
    public virtual IEnumerable<Graph> Graphs => [];
}
