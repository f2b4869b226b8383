namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>transcribe --format json</c> prints. Names in the JSON are the properties' in snake case.</summary>
/// <param name="File">The sound.</param>
/// <param name="Language">The language that is spoken.</param>
/// <param name="DurationS">The length of the sound in seconds.</param>
/// <param name="Text">What is said.</param>
/// <param name="Segments">Its pieces.</param>
/// <param name="TotalS">Seconds that it took.</param>
/// <param name="Tokens">How many tokens were written.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
internal sealed record TranscriptReport(
    string File, string? Language, double DurationS, string Text, IReadOnlyList<TranscriptPieceReport> Segments, double TotalS, int Tokens, long PeakRssBytes);

/// <summary>A piece of what is said.</summary>
/// <param name="Start">Seconds from the begin of the sound to its begin.</param>
/// <param name="End">Seconds to its end.</param>
/// <param name="Text">What is said.</param>
/// <param name="AverageLogProbability">How likely the tokens are.</param>
/// <param name="NoSpeechProbability">How likely nobody speaks.</param>
/// <param name="Temperature">What the tokens were chosen with.</param>
internal sealed record TranscriptPieceReport(double Start, double End, string Text, double AverageLogProbability, double NoSpeechProbability, double Temperature);
