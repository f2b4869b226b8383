using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Models;

namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>What is compared, and how often it is measured.</summary>
internal sealed record ComparisonOptions
{
    /// <summary>What the models are, as a page begins: <c>"The networks of …, float32."</c></summary>
    public required string Subject { get; init; }

    /// <summary>The models.</summary>
    public required IReadOnlyList<MeasuredModel> Models { get; init; }

    /// <summary>The engines, in the order in which they take turns.</summary>
    public required IReadOnlyList<Engine> Engines { get; init; }

    /// <summary>The path of the <c>onnxstream</c> tool.</summary>
    public required string Tool { get; init; }

    /// <summary>How many times each engine has its turn.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>The measured runs in a turn, after one that warms up.</summary>
    public int Runs { get; init; } = 3;

    /// <summary>How many seconds the measured runs of a turn take together, about: quick models are run more often than <see cref="Runs"/>.</summary>
    public double TurnS { get; init; }

    /// <summary>The threads that compute.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>How many other processes compute meanwhile.</summary>
    public int BusyProcesses { get; init; }

    /// <summary>Memory budgets in MiB with which this library is run.</summary>
    public IReadOnlyList<int> Budgets { get; init; } = [];
}
