using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For <see cref="RowTiles"/>.</summary>
/// <param name="Body">What is computed for each tile.</param>
/// <param name="Tiles">The number of tiles.</param>
internal sealed record RowTilesFusion(Graph Body, long Tiles) : NodeFusion
{
    /// <inheritdoc/>
    public override IEnumerable<Graph> Graphs => [Body];
}
