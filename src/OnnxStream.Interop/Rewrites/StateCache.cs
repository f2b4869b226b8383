using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Rewrites;

/// <summary>A tensor of a state that grows: what a run is given, and what it makes of it for the next one.</summary>
/// <param name="Past">The input of the graph.</param>
/// <param name="Present">The output of the graph.</param>
/// <param name="Axis">The axis along which it grows.</param>
/// <param name="Capacity">The largest dimension along that axis.</param>
internal sealed record StateCache(Value Past, Value Present, int Axis, long Capacity);
