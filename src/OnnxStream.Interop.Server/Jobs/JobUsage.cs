namespace OnnxStream.Interop.Server.Jobs;

/// <summary>How many tokens a job had.</summary>
/// <param name="PromptTokens">Those of what was given.</param>
/// <param name="CompletionTokens">Those of the answer.</param>
/// <param name="CachedTokens">Those of what was given that were known from before.</param>
public sealed record JobUsage(int PromptTokens, int CompletionTokens, int CachedTokens);
