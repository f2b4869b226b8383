namespace OnnxStream.Interop.Cli.Reports;

/// <summary>What <c>bench-llm --json</c> prints.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="ModelBytes">The bytes of the decoder's files.</param>
/// <param name="Threads">The threads that computed.</param>
/// <param name="Tests">The measurements.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident, as the operating system counts it.</param>
/// <param name="PeakNativeBytes">The most memory that the session held in native buffers, caches included.</param>
internal sealed record BenchLlmReport(string Model, long ModelBytes, int Threads, IReadOnlyList<BenchLlmTest> Tests, long PeakRssBytes, long PeakNativeBytes);

/// <summary>One measurement.</summary>
/// <param name="Test">As llama-bench names it: <c>pp128</c> is a prompt of 128 tokens, <c>tg32</c> is 32 tokens one by one.</param>
/// <param name="TokensPerS">The mean over the repetitions.</param>
/// <param name="DeviationTokensPerS">The standard deviation.</param>
/// <param name="RepetitionsS">Seconds of each repetition.</param>
internal sealed record BenchLlmTest(string Test, double TokensPerS, double DeviationTokensPerS, IReadOnlyList<double> RepetitionsS);
