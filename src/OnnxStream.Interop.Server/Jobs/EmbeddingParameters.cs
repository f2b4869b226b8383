namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What texts shall become vectors.</summary>
/// <param name="Texts">The texts, one at least.</param>
public sealed record EmbeddingParameters(IReadOnlyList<string> Texts);
