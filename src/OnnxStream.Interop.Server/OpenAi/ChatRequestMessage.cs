using System.Text.Json;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>A message of a conversation: its content is a text, or a list of parts.</summary>
internal sealed record ChatRequestMessage
{
    public required string Role { get; init; }

    public JsonElement? Content { get; init; }

    public IReadOnlyList<ChatToolCall>? ToolCalls { get; init; }

    public string? ToolCallId { get; init; }
}
