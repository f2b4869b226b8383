using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For <see cref="FusedActivation"/> and <see cref="GatedActivation"/>: the activation.</summary>
internal sealed record ActivationFusion(ActivationKind Kind) : NodeFusion;
