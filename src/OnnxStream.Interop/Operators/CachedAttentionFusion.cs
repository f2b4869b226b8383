using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For <see cref="CachedAttention"/>.</summary>
/// <param name="Scale">The factor on the products of queries and keys.</param>
/// <param name="EmptyRowsAreZero">What a query without any key gets (<see cref="SoftmaxFusion"/>).</param>
/// <param name="KeyCapacity">The rows that the cache of keys has room for, in each head.</param>
/// <param name="ValueCapacity">The same for values.</param>
internal sealed record CachedAttentionFusion(float Scale, bool EmptyRowsAreZero, long KeyCapacity, long ValueCapacity) : NodeFusion;
