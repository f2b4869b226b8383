namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>The answer of <c>/v1/completions</c>, whole or a piece of it.</summary>
internal sealed record Completion(string Id, string Object, long Created, string Model, IReadOnlyList<CompletionChoice> Choices)
{
    public TokenUsage? Usage { get; init; }
}
