using System.Text.Json;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>The body of <c>POST /v1/chat/completions</c> (https://platform.openai.com/docs/api-reference/chat/create). What is not here changes nothing, and is not read.</summary>
internal sealed record ChatCompletionRequest
{
    public string? Model { get; init; }

    public IReadOnlyList<ChatRequestMessage>? Messages { get; init; }

    public bool? Stream { get; init; }

    public StreamOptions? StreamOptions { get; init; }

    public int? MaxTokens { get; init; }

    public int? MaxCompletionTokens { get; init; }

    public float? Temperature { get; init; }

    public float? TopP { get; init; }

    public int? TopK { get; init; }

    public float? FrequencyPenalty { get; init; }

    public float? PresencePenalty { get; init; }

    public long? Seed { get; init; }

    public JsonElement? Stop { get; init; }

    public int? N { get; init; }

    public bool? Logprobs { get; init; }

    public JsonElement? LogitBias { get; init; }

    public JsonElement? ResponseFormat { get; init; }

    public IReadOnlyList<ChatTool>? Tools { get; init; }

    public JsonElement? ToolChoice { get; init; }

    public bool? ParallelToolCalls { get; init; }

    public string? Grammar { get; init; }
}
