using System.Text.Json;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>The body of <c>POST /v1/completions</c> (https://platform.openai.com/docs/api-reference/completions/create).</summary>
internal sealed record CompletionRequest
{
    public string? Model { get; init; }

    public JsonElement? Prompt { get; init; }

    public bool? Stream { get; init; }

    public StreamOptions? StreamOptions { get; init; }

    public int? MaxTokens { get; init; }

    public float? Temperature { get; init; }

    public float? TopP { get; init; }

    public int? TopK { get; init; }

    public float? FrequencyPenalty { get; init; }

    public float? PresencePenalty { get; init; }

    public long? Seed { get; init; }

    public JsonElement? Stop { get; init; }

    public int? N { get; init; }

    public int? BestOf { get; init; }

    public bool? Echo { get; init; }

    public string? Suffix { get; init; }

    public int? Logprobs { get; init; }

    public JsonElement? LogitBias { get; init; }

    public string? Grammar { get; init; }
}
