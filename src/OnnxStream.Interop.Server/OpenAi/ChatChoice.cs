using System.Text.Json.Serialization;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>An answer: a message, or what is new of it.</summary>
internal sealed record ChatChoice(int Index)
{
    public ChatAnswer? Message { get; init; }

    public ChatAnswer? Delta { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? FinishReason { get; init; }
}
