namespace OnnxStream.Interop.Benchmarks.Peers;

/// <summary>One measurement.</summary>
/// <param name="Test">As llama-bench names it: <c>pp128</c> is a prompt of 128 tokens, <c>tg32</c> is 32 tokens one by one.</param>
/// <param name="TokensPerS">The mean over the repetitions.</param>
/// <param name="RepetitionsS">Seconds of each repetition.</param>
internal sealed record LanguageTest(string Test, double TokensPerS, IReadOnlyList<double> RepetitionsS);
