using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For <see cref="FullyConnected"/>.</summary>
/// <param name="IsTransposed">Whether the matrix is [N,K] instead of [K,N].</param>
/// <param name="Gate">The activation of the second half of the results, which the first half is multiplied with; null if there is no gate.</param>
/// <param name="Activation">The activation of all results; null for none. There is none with a gate.</param>
internal sealed record FullyConnectedFusion(bool IsTransposed, ActivationKind? Gate, ActivationKind? Activation) : NodeFusion;
