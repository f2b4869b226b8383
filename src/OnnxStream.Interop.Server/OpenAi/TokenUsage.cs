using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>How many tokens there were.</summary>
internal sealed record TokenUsage(int PromptTokens, int? CompletionTokens, int TotalTokens)
{
    public PromptTokensDetails? PromptTokensDetails { get; init; }

    public static TokenUsage Of(JobUsage usage) => new(usage.PromptTokens, usage.CompletionTokens, usage.PromptTokens + usage.CompletionTokens)
    {
        PromptTokensDetails = new PromptTokensDetails(usage.CachedTokens),
    };
}
