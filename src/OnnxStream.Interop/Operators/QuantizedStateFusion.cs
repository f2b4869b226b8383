using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For a <see cref="Recurrent"/> layer whose states are rounded to 8 bits, by the range of their numbers, before each product with the recurrent weights.</summary>
internal sealed record QuantizedStateFusion : NodeFusion;
