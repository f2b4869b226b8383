using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>What a text goes on with.</summary>
internal sealed record CompletionChoice(int Index, string Text)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? FinishReason { get; init; }
}
