using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>For <see cref="FusedGroupNormalization"/>.</summary>
/// <param name="Groups">The number of groups.</param>
/// <param name="Epsilon">What is added to the variance.</param>
/// <param name="HasSilu">Whether results go through SiLU.</param>
/// <param name="IsChannelsLast">Whether data is [N,…,C] instead of [N,C,…].</param>
internal sealed record GroupNormalizationFusion(long Groups, float Epsilon, bool HasSilu, bool IsChannelsLast) : NodeFusion;
