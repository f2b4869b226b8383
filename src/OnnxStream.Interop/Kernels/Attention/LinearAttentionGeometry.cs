namespace OnnxStream.Interop.Kernels;

/// <summary>The sizes of linear attention.</summary>
/// <param name="Items">Items of the batch.</param>
/// <param name="Positions">Positions of each.</param>
/// <param name="Heads">Heads of keys and values.</param>
/// <param name="Group">Heads of queries for each of them.</param>
/// <param name="KeySize">Numbers of a head of keys, or of queries.</param>
/// <param name="ValueSize">Numbers of a head of values.</param>
/// <param name="IsDecayOfKeys">Whether each number of a key has a decay of its own, not each head.</param>
/// <param name="IsBetaOfHeads">Whether each head has a beta of its own, not each position.</param>
/// <param name="Scale">What results are multiplied with.</param>
internal readonly record struct LinearAttentionGeometry(long Items, long Positions, long Heads, long Group, int KeySize, int ValueSize, bool IsDecayOfKeys, bool IsBetaOfHeads, float Scale);
