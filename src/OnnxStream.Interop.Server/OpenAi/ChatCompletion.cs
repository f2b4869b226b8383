namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>The answer of <c>/v1/chat/completions</c>, whole or a piece of it.</summary>
internal sealed record ChatCompletion(string Id, string Object, long Created, string Model, IReadOnlyList<ChatChoice> Choices)
{
    public TokenUsage? Usage { get; init; }
}
