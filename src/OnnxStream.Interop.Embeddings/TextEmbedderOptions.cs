namespace OnnxStream.Interop.Embeddings;

/// <summary>How texts become vectors. What is null is as the model's folder says.</summary>
public sealed record TextEmbedderOptions
{
    /// <summary>How hidden states become a vector; where the folder does not say, the mean.</summary>
    public EmbeddingPooling? Pooling { get; init; }

    /// <summary>Whether vectors have the length 1, so that their dot product is the cosine of the angle between them. The default is true.</summary>
    public bool Normalize { get; init; } = true;

    /// <summary>The most tokens of a text, special ones included, 2 or more; where the folder does not say, 256.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>The most tokens, padding included, of one run, which is a batch of texts; a longer text has a run of its own. The default is 1,024.</summary>
    public int BatchTokens { get; init; } = 1024;

    /// <summary>What stands before a text that searches for others, such as <c>query: </c>; where the folder does not say, nothing.</summary>
    public string? QueryPrefix { get; init; }
}
