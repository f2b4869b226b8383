namespace OnnxStream.Interop.Speech;

/// <summary>A part of a sound in which somebody speaks.</summary>
/// <param name="Start">When it begins.</param>
/// <param name="End">When it ends.</param>
public readonly record struct SpeechSegment(TimeSpan Start, TimeSpan End)
{
    /// <summary>How long it lasts.</summary>
    public TimeSpan Duration => End - Start;
}
