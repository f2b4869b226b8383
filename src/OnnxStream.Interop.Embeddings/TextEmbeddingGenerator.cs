using Microsoft.Extensions.AI;

namespace OnnxStream.Interop.Embeddings;

/// <summary>A <see cref="TextEmbedder"/> as Microsoft.Extensions.AI knows generators of embeddings.</summary>
internal sealed class TextEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly TextEmbedder _embedder;
    private readonly EmbeddingGeneratorMetadata _metadata;

    public TextEmbeddingGenerator(TextEmbedder embedder, string? modelId)
    {
        _embedder = embedder;
        _metadata = new EmbeddingGeneratorMetadata("onnxstream", providerUri: null, modelId ?? DefaultId(embedder.ModelPath), embedder.Dimensions);
    }

    /// <inheritdoc/>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (options?.Dimensions is { } dimensions && dimensions != _embedder.Dimensions)
        {
            throw new ArgumentOutOfRangeException(nameof(options), dimensions, $"The model's vectors have {_embedder.Dimensions} dimensions; {dimensions} were asked for.");
        }

        string[] texts = [.. values];
        EmbeddedTexts result = await Task.Run(() => _embedder.Embed(texts, null, cancellationToken), cancellationToken).ConfigureAwait(false);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        return new GeneratedEmbeddings<Embedding<float>>(result.Vectors.Select(vector => new Embedding<float>(vector) { CreatedAt = now, ModelId = _metadata.DefaultModelId }))
        {
            Usage = new UsageDetails { InputTokenCount = result.TokenCount, TotalTokenCount = result.TokenCount },
        };
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata
            : serviceType.IsInstanceOfType(this) ? this
            : serviceType.IsInstanceOfType(_embedder) ? _embedder
            : null;
    }

    /// <summary>Closes the model.</summary>
    public void Dispose() => _embedder.Dispose();

    // model.onnx says nothing; the folder that it is in has the model's name.
    private static string DefaultId(string path)
    {
        string? folder = Path.GetDirectoryName(Path.GetFullPath(path));
        return Path.GetFileName(Path.GetFileName(folder) == "onnx" ? Path.GetDirectoryName(folder) : folder) is { Length: > 0 } name ? name : Path.GetFileNameWithoutExtension(path);
    }
}
