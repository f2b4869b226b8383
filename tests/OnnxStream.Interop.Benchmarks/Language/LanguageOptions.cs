namespace OnnxStream.Interop.Benchmarks.Language;

/// <summary>What is measured of decoders, and how often.</summary>
/// <param name="PromptTokens">The tokens of the prompt.</param>
/// <param name="Tokens">The tokens that are made one by one.</param>
/// <param name="Repetitions">How often each is measured in a process, after one time that is not.</param>
/// <param name="Rounds">How many processes each engine has, in turns.</param>
/// <param name="Threads">The threads that compute.</param>
internal sealed record LanguageOptions(int PromptTokens, int Tokens, int Repetitions, int Rounds, int Threads);
