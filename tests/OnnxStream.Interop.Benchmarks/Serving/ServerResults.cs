namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary>What was measured of one server.</summary>
internal sealed record ServerResults
{
    /// <summary>The server that nobody asks, after a while.</summary>
    public required ProcessFigures Idle { get; init; }

    /// <summary>The processor time that it took in ten seconds of this.</summary>
    public required TimeSpan IdleTime { get; init; }

    /// <summary>Of each round: seconds of a picture, by the command and by the server.</summary>
    public required IReadOnlyList<(double Command, double Server)> Pictures { get; init; }

    /// <summary>Of each round: seconds of a token, by the command and by the server.</summary>
    public required IReadOnlyList<(double Command, double Server)> Tokens { get; init; }

    /// <summary>How often each status was answered to simultaneous requests.</summary>
    public required IReadOnlyDictionary<int, int> Statuses { get; init; }

    /// <summary>Refusals that do not say when to come again.</summary>
    public required int WithoutRetryAfter { get; init; }

    /// <summary>The server behind them.</summary>
    public required ProcessFigures Flooded { get; init; }

    /// <summary>What the jobs that are done at once need by their plans.</summary>
    public required long PlannedBytes { get; init; }

    /// <summary>The server before many requests, and behind them.</summary>
    public required (ProcessFigures Before, ProcessFigures After) Repeated { get; init; }
}
