namespace OnnxStream.Interop.Server.Jobs;

/// <summary>A message of a conversation.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</param>
/// <param name="Content">What is said; null where there are only calls.</param>
public sealed record TextMessage(string Role, string? Content)
{
    /// <summary>The functions that an assistant's message asked for.</summary>
    public IReadOnlyList<ToolCall>? ToolCalls { get; init; }

    /// <summary>The call that a tool's message answers.</summary>
    public string? ToolCallId { get; init; }
}
