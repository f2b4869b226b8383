using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For <see cref="RowStorage"/>.</summary>
/// <param name="To">The element type of the format that rows get.</param>
internal sealed record RowStorageFusion(ElementType To) : NodeFusion;
