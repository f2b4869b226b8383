namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>generate --json</c> prints. Times are seconds.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="Prompt">The prompt, as the model was given it.</param>
/// <param name="Text">The answer.</param>
/// <param name="Tokens">The tokens of the answer.</param>
/// <param name="FinishReason">Why it ended: <c>end_token</c>, <c>stop_string</c> or <c>length</c>.</param>
/// <param name="PromptTokens">How many tokens the prompt has.</param>
/// <param name="PromptS">Seconds from the start to the first token.</param>
/// <param name="PromptTokensPerS">Tokens of the prompt in a second.</param>
/// <param name="TokensS">Seconds for the tokens behind the first one.</param>
/// <param name="TokensPerS">These tokens in a second; 0 where there are none.</param>
/// <param name="Runs">How many times the decoder ran for them.</param>
/// <param name="LoadS">Seconds for opening the model.</param>
/// <param name="ContextLength">The most tokens that a conversation may have.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that the session held in native buffers, caches included.</param>
/// <param name="MemoryBudgetBytes">The most memory that the process was allowed (--memory); null for no limit.</param>
/// <param name="LogProbabilities">The logarithm of each token's probability (--log-probabilities); null where they were not asked for.</param>
internal sealed record AnswerReport(
    string Model,
    string Prompt,
    string Text,
    IReadOnlyList<int> Tokens,
    string FinishReason,
    int PromptTokens,
    double PromptS,
    double PromptTokensPerS,
    double TokensS,
    double TokensPerS,
    int Runs,
    double LoadS,
    int ContextLength,
    long PeakRssBytes,
    long PeakNativeBytes,
    long? MemoryBudgetBytes,
    IReadOnlyList<float>? LogProbabilities);
