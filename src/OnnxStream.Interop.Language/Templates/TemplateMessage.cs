using System.Text.Json;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>A message of a conversation, as a chat template sees it.</summary>
/// <param name="Role">Who speaks: <c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</param>
/// <param name="Content">What is said; null where there are only calls of tools.</param>
public sealed record TemplateMessage(string Role, string? Content)
{
    /// <summary>Further properties, such as <c>tool_calls</c>, <c>tool_call_id</c>, <c>name</c> or <c>reasoning_content</c>.</summary>
    public IReadOnlyDictionary<string, JsonElement> Properties { get; init; } = new Dictionary<string, JsonElement>();
}
