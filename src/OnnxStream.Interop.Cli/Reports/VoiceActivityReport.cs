namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>vad --json</c> prints. Names in the JSON are the properties' in snake case.</summary>
/// <param name="File">The sound; <c>-</c> for standard input.</param>
/// <param name="SampleRate">Its samples a second.</param>
/// <param name="DurationS">Its length in seconds.</param>
/// <param name="SpeechS">Seconds of speech.</param>
/// <param name="Segments">Where there is speech.</param>
/// <param name="TotalS">Seconds that it took, the time for which standard input was waited for included.</param>
/// <param name="ProcessorS">Seconds of processors that it took.</param>
/// <param name="Load">Seconds of processors for each second of sound: the part of one processor that listening takes.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
internal sealed record VoiceActivityReport(
    string File, int SampleRate, double DurationS, double SpeechS, IReadOnlyList<SpeechReport> Segments, double TotalS, double ProcessorS, double Load, long PeakRssBytes);

/// <summary>Speech.</summary>
/// <param name="Start">Seconds from the begin of the sound to its begin.</param>
/// <param name="End">Seconds to its end.</param>
internal sealed record SpeechReport(double Start, double End);
