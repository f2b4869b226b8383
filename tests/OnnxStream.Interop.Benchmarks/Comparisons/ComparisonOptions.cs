using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>What is compared, and how often it is measured.</summary>
internal sealed record ComparisonOptions
{
    /// <summary>The models.</summary>
    public required IReadOnlyList<Network> Networks { get; init; }

    /// <summary>The engines, in the order in which they take turns.</summary>
    public required IReadOnlyList<Engine> Engines { get; init; }

    /// <summary>Where the models are kept.</summary>
    public required ModelCache Cache { get; init; }

    /// <summary>The path of the <c>onnxstream</c> tool.</summary>
    public required string Tool { get; init; }

    /// <summary>How many times each engine has its turn.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>The measured runs in a turn, after one that warms up.</summary>
    public int Runs { get; init; } = 3;

    /// <summary>The threads that compute.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>How many other processes compute meanwhile.</summary>
    public int BusyProcesses { get; init; }

    /// <summary>Memory budgets in MiB with which this library is run.</summary>
    public IReadOnlyList<int> Budgets { get; init; } = [];
}
