using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For a channels-last <see cref="BatchNormalization"/> and for <see cref="LimitedSum"/>: the limits of the results.</summary>
internal sealed record ClampFusion(ResultLimits Limits) : NodeFusion;
