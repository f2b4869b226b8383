using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>A piece of what is said, in seconds.</summary>
internal sealed record TranscriptPiece(int Id, int Seek, double Start, double End, string Text, IReadOnlyList<int> Tokens, float Temperature)
{
    [JsonPropertyName("avg_logprob")]
    public float AverageLogProbability { get; init; }

    public float CompressionRatio { get; init; }

    [JsonPropertyName("no_speech_prob")]
    public float NoSpeechProbability { get; init; }
}
