namespace OnnxStream.Interop.Speech;

/// <summary>What counts as speech. The names and numbers are those of Silero's <c>get_speech_timestamps</c>.</summary>
public sealed record VoiceActivityOptions
{
    /// <summary>How sure a frame must be to begin speech, 0 to 1. The default is 0.5.</summary>
    public double Threshold { get; init; } = 0.5;

    /// <summary>How unsure a frame must be to end it; null for <see cref="Threshold"/> less 0.15, and 0.01 at the least.</summary>
    public double? EndThreshold { get; init; }

    /// <summary>Speech that is shorter is left out. The default is 250 ms.</summary>
    public TimeSpan LeastSpeech { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Speech that is longer is cut, at a silence if there is one. The default is never.</summary>
    public TimeSpan MostSpeech { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>A silence that is shorter belongs to the speech around it. The default is 100 ms.</summary>
    public TimeSpan LeastSilence { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>A silence that is longer is one at which speech that is too long may be cut. The default is 98 ms.</summary>
    public TimeSpan LeastSilenceToCut { get; init; } = TimeSpan.FromMilliseconds(98);

    /// <summary>Whether speech that is too long is cut at its longest silence, not at the last. The default is true.</summary>
    public bool CutsAtLongestSilence { get; init; } = true;

    /// <summary>What is added before and behind speech, up to half of the silence there. The default is 30 ms.</summary>
    public TimeSpan Padding { get; init; } = TimeSpan.FromMilliseconds(30);
}
