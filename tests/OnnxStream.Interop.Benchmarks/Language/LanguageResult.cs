using OnnxStream.Interop.Benchmarks.Comparisons;

namespace OnnxStream.Interop.Benchmarks.Language;

/// <summary>What was measured of an engine with a decoder.</summary>
/// <param name="Engine">The engine.</param>
internal sealed record LanguageResult(LanguageEngine Engine)
{
    /// <summary>Of each round: the tokens of a prompt in a second.</summary>
    public List<double> PromptRates { get; } = [];

    /// <summary>Of each round: the tokens that are made one by one in a second.</summary>
    public List<double> TokenRates { get; } = [];

    /// <summary>The most memory that a process had resident.</summary>
    public long PeakRssBytes { get; private set; }

    /// <summary>The most memory that was a process's own, not pages of files; null where that is not known.</summary>
    public long? PeakAnonymousBytes { get; private set; }

    /// <summary>Why there is no result; null if there is one.</summary>
    public string? Failure { get; set; }

    /// <summary>Adds a round.</summary>
    public void Add(LanguageMeasurement measurement, LanguageOptions options, long? peakAnonymousBytes)
    {
        PromptRates.Add(options.PromptTokens / measurement.Tests[0].RepetitionsS.Median());
        TokenRates.Add(options.Tokens / measurement.Tests[1].RepetitionsS.Median());
        PeakRssBytes = Math.Max(PeakRssBytes, measurement.PeakRssBytes);
        PeakAnonymousBytes = peakAnonymousBytes is { } bytes ? Math.Max(PeakAnonymousBytes ?? 0, bytes) : PeakAnonymousBytes;
    }
}
