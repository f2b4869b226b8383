using System.Text.Json;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>The body of <c>POST /v1/embeddings</c> (https://platform.openai.com/docs/api-reference/embeddings/create).</summary>
internal sealed record EmbeddingRequest
{
    public string? Model { get; init; }

    public JsonElement? Input { get; init; }

    public string? EncodingFormat { get; init; }

    public int? Dimensions { get; init; }
}
