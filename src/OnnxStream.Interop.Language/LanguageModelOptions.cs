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

    /// <summary>
    /// The type in which keys and values are kept: null (the default) for that of the model, <see cref="ElementType.Float16"/> for half the memory of single precision, or
    /// <see cref="ElementType.Int8"/> for a little more than a quarter: 32 numbers of a key or a value share a scale. Each is rounded once, when it is written. Only for
    /// models whose caches are of single precision.
    /// </summary>
    /// <exception cref="ArgumentException">It is another type.</exception>
    public ElementType? CacheElementType
    {
        get;
        init => field = value is null or ElementType.Float32 or ElementType.Float16 or ElementType.Int8 ? value : throw new ArgumentException($"A cache cannot be kept as {value}: Float32, Float16 and Int8 are possible.", nameof(value));
    }

    /// <summary>How many tokens of a prompt are computed at once; null (the default) for what the model says, or else 128. More are quicker and need more memory.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public int? ChunkLength
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The length of a chunk must be positive.");
    }
}
