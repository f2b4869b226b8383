
namespace OnnxStream.Interop;

/// <summary>What one run reports.</summary>
public sealed record RunOptions
{
    /// <summary>Receives a report before each step, on the thread that runs; null for none.</summary>
    public IProgress<RunProgress>? Progress { get; init; }

    /// <summary>Records what each step took; null for no record.</summary>
    public RunTrace? Trace { get; init; }
}

/// <summary>How far a run is.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="StepCount">Steps in all.</param>
/// <param name="NodeName">The node that is computed next; empty at the end.</param>
public readonly record struct RunProgress(int Step, int StepCount, string NodeName);
