namespace OnnxStream.Interop.Speech;

/// <summary>A piece of what is said.</summary>
/// <param name="Start">When it begins.</param>
/// <param name="End">When it ends.</param>
/// <param name="Text">What is said, with the space before it.</param>
public sealed record TranscriptSegment(TimeSpan Start, TimeSpan End, string Text)
{
    /// <summary>The tokens of the text, the times among them.</summary>
    public IReadOnlyList<int> Tokens { get; init; } = [];

    /// <summary>The mean of the natural logarithms of the probabilities of the tokens of its window.</summary>
    public float AverageLogProbability { get; init; }

    /// <summary>How likely nobody speaks in its window, 0 to 1.</summary>
    public float NoSpeechProbability { get; init; }

    /// <summary>How many times smaller the text of its window becomes by compression: much, where it repeats itself.</summary>
    public float CompressionRatio { get; init; }

    /// <summary>The temperature that its tokens were chosen with.</summary>
    public float Temperature { get; init; }
}
