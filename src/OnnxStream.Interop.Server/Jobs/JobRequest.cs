namespace OnnxStream.Interop.Server.Jobs;

/// <summary>A job as it is asked for: plain data, which may be written down, sent to another machine and done there.</summary>
public sealed record JobRequest
{
    /// <summary>What the job makes. The parameters of this kind, and no others, are there.</summary>
    public required JobKind Kind { get; init; }

    /// <summary>The model's name; null for the first one that can do it.</summary>
    public string? Model { get; init; }

    /// <summary>The parameters of <see cref="JobKind.Image"/>.</summary>
    public ImageParameters? Image { get; init; }

    /// <summary>The parameters of <see cref="JobKind.Chat"/> and <see cref="JobKind.Completion"/>.</summary>
    public TextParameters? Text { get; init; }

    /// <summary>The parameters of <see cref="JobKind.Embedding"/>.</summary>
    public EmbeddingParameters? Embedding { get; init; }

    /// <summary>The parameters of <see cref="JobKind.Transcription"/>.</summary>
    public TranscriptionParameters? Transcription { get; init; }
}
