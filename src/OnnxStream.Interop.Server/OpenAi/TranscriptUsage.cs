namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>What a transcription is counted by: the seconds of its sound.</summary>
internal sealed record TranscriptUsage(string Type, int Seconds);
