using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For <see cref="FusedAttention"/>.</summary>
/// <param name="Heads">The number of heads in each row of the queries.</param>
/// <param name="Group">The number of heads that share keys and values.</param>
/// <param name="Scale">The factor on the products of queries and keys.</param>
/// <param name="EmptyRowsAreZero">What a query without any key gets (<see cref="SoftmaxFusion"/>).</param>
internal sealed record AttentionFusion(long Heads, long Group, float Scale, bool EmptyRowsAreZero) : NodeFusion;
