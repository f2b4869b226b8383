namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>What a model says.</summary>
internal sealed record ChatAnswer
{
    public string? Role { get; init; }

    public string? Content { get; init; }

    public IReadOnlyList<ChatToolCall>? ToolCalls { get; init; }
}
