namespace OnnxStream.Interop.Benchmarks.Language;

/// <summary>One measurement.</summary>
/// <param name="Test">As llama-bench names it.</param>
/// <param name="RepetitionsS">Seconds of each repetition.</param>
internal sealed record LanguageTest(string Test, IReadOnlyList<double> RepetitionsS);
