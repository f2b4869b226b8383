namespace OnnxStream.Interop.Speech;

/// <summary>How speech becomes text. The defaults are those of Whisper's reference program. Immutable: derive variants with <c>with</c>.</summary>
public sealed record TranscriptionOptions
{
    /// <summary>The language that is spoken, as in <c>en</c>; null (the default) to find out from the first 30 seconds.</summary>
    public string? Language { get; init; }

    /// <summary>Whether the text is translated to English; false (the default) writes what is said.</summary>
    public bool Translates { get; init; }

    /// <summary>Whether the model says when each piece is said; true is the default. Without, there is one piece for each 30 seconds.</summary>
    public bool HasTimestamps { get; init; } = true;

    /// <summary>What the speech may be about: names, or how words are written. Null (the default) for nothing.</summary>
    public string? Prompt { get; init; }

    /// <summary>Whether the model is told what was said before; true is the default.</summary>
    public bool UsesPreviousText { get; init; } = true;

    /// <summary>The temperatures that are tried until a text is good enough; 0 takes the likeliest tokens.</summary>
    /// <exception cref="ArgumentException">There is none, or one is negative or not finite.</exception>
    public IReadOnlyList<float> Temperatures
    {
        get;
        init => field = value is { Count: > 0 } && value.All(temperature => temperature >= 0 && float.IsFinite(temperature)) ? value : throw new ArgumentException("There must be one temperature at least, and each must be a finite number of at least 0.", nameof(value));
    } = [0, 0.2f, 0.4f, 0.6f, 0.8f, 1];

    /// <summary>A text that becomes smaller than this by compression repeats itself: it is tried again; null for any.</summary>
    public float? MostCompression { get; init; } = 2.4f;

    /// <summary>A text whose tokens are less likely than this is tried again; null for any.</summary>
    public float? LeastLogProbability { get; init; } = -1;

    /// <summary>Where it is likelier than this that nobody speaks, and the text is not likely either, there is no text; null to write in any case.</summary>
    public float? NoSpeechThreshold { get; init; } = 0.6f;

    /// <summary>The number that decides what is drawn where the temperature is not 0.</summary>
    public int Seed { get; init; }

    /// <summary>The parts of the sound that are listened to, in their order, as <see cref="VoiceActivityDetector.Detect"/> finds them; null (the default) for all of it.</summary>
    public IReadOnlyList<SpeechSegment>? Parts { get; init; }
}
