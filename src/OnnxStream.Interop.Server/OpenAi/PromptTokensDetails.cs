namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>How many tokens of the prompt were known from before.</summary>
internal sealed record PromptTokensDetails(int CachedTokens);
