namespace OnnxStream.Interop.Language;

/// <summary>How a language model is opened. Immutable: derive variants with <c>with</c>.</summary>
public sealed record LanguageModelOptions
{
    /// <summary>How the decoder computes: threads, memory budget, panel store. Its bindings and outputs are set by the model.</summary>
    public SessionOptions Session { get; init; } = new();

    /// <summary>
    /// The most tokens that a conversation may have, its answers included; null (the default) for as many as the model was made for. Each conversation
    /// reserves the cache for so many.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public int? ContextLength
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The length of the context must be positive.");
    }

    /// <summary>How many tokens of a prompt are computed at once; null (the default) for what the model says, or else 128. More are quicker and need more memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public int? ChunkLength
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The length of a chunk must be positive.");
    }
}
