using Microsoft.Extensions.AI;

namespace OnnxStream.Interop.Embeddings;

/// <summary>Adapters of <see cref="TextEmbedder"/>.</summary>
public static class TextEmbedderExtensions
{
    /// <summary>The embedder as an <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/> of Microsoft.Extensions.AI. Disposing of it closes the embedder.</summary>
    /// <param name="embedder">The embedder.</param>
    /// <param name="modelId">What the model is called in metadata; null for the name of its folder.</param>
    public static IEmbeddingGenerator<string, Embedding<float>> AsIEmbeddingGenerator(this TextEmbedder embedder, string? modelId = null)
    {
        ArgumentNullException.ThrowIfNull(embedder);
        return new TextEmbeddingGenerator(embedder, modelId);
    }
}
