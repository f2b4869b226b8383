namespace OnnxStream.Interop.Language.Chat;

/// <summary>How a chat client works with its model. Immutable: derive variants with <c>with</c>.</summary>
public sealed record LanguageChatClientOptions
{
    /// <summary>
    /// How many conversations are kept: each has a cache for the whole context, and as many answers are made side by side. Further requests wait. 1 (the
    /// default) keeps the one that was answered last, so that its next turn is not computed from the start.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public int ConversationCount
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The number of conversations must be positive.");
    } = 1;

    /// <summary>How tokens are chosen where a request does not say; null (the default) for what the model suggests.</summary>
    public GenerationOptions? Generation { get; init; }

    /// <summary>Whether the client disposes of the model when it is disposed of.</summary>
    public bool OwnsModel { get; init; }
}
