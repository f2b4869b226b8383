namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>The answer of <c>POST /v1/audio/transcriptions</c> and <c>/v1/audio/translations</c> (https://platform.openai.com/docs/api-reference/audio/json-object). Without <c>verbose_json</c>, it is the text alone.</summary>
internal sealed record Transcript(string Text)
{
    public string? Task { get; init; }

    public string? Language { get; init; }

    public double? Duration { get; init; }

    public IReadOnlyList<TranscriptPiece>? Segments { get; init; }

    public TranscriptUsage? Usage { get; init; }
}
