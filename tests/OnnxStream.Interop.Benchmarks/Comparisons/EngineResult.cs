using OnnxStream.Interop.Benchmarks.Engines;

namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>What was measured of an engine with a model.</summary>
/// <param name="Engine">The engine.</param>
internal sealed record EngineResult(Engine Engine)
{
    /// <summary>The seconds of the measured runs of each round.</summary>
    public List<IReadOnlyList<double>> Rounds { get; } = [];

    /// <summary>The most memory that a process had resident.</summary>
    public long PeakRssBytes { get; private set; }

    /// <summary>The most memory that was a process's own, not pages of files; null where that is not known.</summary>
    public long? PeakAnonymousBytes { get; private set; }

    /// <summary>The relative error of the outputs; null for the baseline, or without one.</summary>
    public double? Error { get; set; }

    /// <summary>Why there is no result; null if there is one.</summary>
    public string? Failure { get; set; }

    /// <summary>The middle of all runs.</summary>
    public double MedianS => Rounds.SelectMany(runs => runs).Median();

    /// <summary>The shortest run.</summary>
    public double BestS => Rounds.SelectMany(runs => runs).Min();

    /// <summary>Adds a round.</summary>
    public void Add(EngineReport report, long? peakAnonymousBytes)
    {
        // The first run brings in pages and plans.
        Rounds.Add([.. report.RunsS.Skip(1)]);
        PeakRssBytes = Math.Max(PeakRssBytes, report.PeakRssBytes);
        PeakAnonymousBytes = peakAnonymousBytes is { } bytes ? Math.Max(PeakAnonymousBytes ?? 0, bytes) : PeakAnonymousBytes;
    }

    /// <summary>How much longer than the baseline it took, round by round: what changes on the machine between rounds falls out.</summary>
    public IReadOnlyList<double> RatiosTo(EngineResult baseline) => [.. Rounds.Zip(baseline.Rounds, (own, other) => own.Median() / other.Median())];
}
