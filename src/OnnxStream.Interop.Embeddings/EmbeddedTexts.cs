namespace OnnxStream.Interop.Embeddings;

/// <summary>The vectors of texts, and what they cost.</summary>
/// <param name="Vectors">One vector for each text, in the order of the texts.</param>
/// <param name="TokenCount">The tokens of all texts together, special tokens included, padding and what was cut off excluded.</param>
/// <param name="TruncatedCount">How many texts were longer than the model takes, and lost their ends.</param>
public sealed record EmbeddedTexts(IReadOnlyList<float[]> Vectors, int TokenCount, int TruncatedCount);
