namespace OnnxStream.Interop.Embeddings;

/// <summary>A passage that was found.</summary>
/// <param name="Passage">The passage.</param>
/// <param name="Score">How alike it is to what was searched for: the cosine of the angle between their vectors, -1 to 1.</param>
public readonly record struct TextMatch(TextPassage Passage, float Score);
