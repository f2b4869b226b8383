namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What sound shall become text, and how. What is null is as the model has it.</summary>
/// <param name="Sound">A WAV file.</param>
public sealed record TranscriptionParameters(byte[] Sound)
{
    /// <summary>The language that is spoken, as in <c>en</c>; null to find out.</summary>
    public string? Language { get; init; }

    /// <summary>Whether the text is translated to English.</summary>
    public bool Translates { get; init; }

    /// <summary>What the speech may be about: names, or how words are written.</summary>
    public string? Prompt { get; init; }

    /// <summary>How freely tokens are drawn, 0 to 1; null or 0 for the likeliest, and more freely where that is no good text.</summary>
    public float? Temperature { get; init; }
}
