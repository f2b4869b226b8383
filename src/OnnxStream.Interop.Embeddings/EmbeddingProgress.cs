namespace OnnxStream.Interop.Embeddings;

/// <summary>How far a <see cref="TextEmbedder"/> is.</summary>
/// <param name="Done">The texts that have their vectors.</param>
/// <param name="Count">All texts.</param>
public readonly record struct EmbeddingProgress(int Done, int Count);
