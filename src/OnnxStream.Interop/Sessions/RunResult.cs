namespace OnnxStream.Interop;

/// <summary>The outputs of a run by name, and what the run cost.</summary>
public sealed class RunResult
{
    internal RunResult(IReadOnlyDictionary<string, TensorBuffer> outputs, RunStatistics statistics)
    {
        Outputs = outputs;
        Statistics = statistics;
    }

    /// <summary>The outputs, in the order of the model (additional ones last).</summary>
    public IReadOnlyDictionary<string, TensorBuffer> Outputs { get; }

    /// <summary>What the run cost.</summary>
    public RunStatistics Statistics { get; }

    /// <summary>The output of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public TensorBuffer this[string name] =>
        Outputs.TryGetValue(name, out TensorBuffer? tensor) ? tensor :
        throw new KeyNotFoundException($"The run has no output '{name}'. It has: {string.Join(", ", Outputs.Keys)}.");
}

/// <summary>What a run cost.</summary>
/// <param name="Duration">From the first to the last step, planning not included.</param>
/// <param name="WeightsBytesStreamed">Bytes of weights that the steps asked for.</param>
/// <param name="PeakNativeBytes">The most native memory that the session held during the run, weights in use included.</param>
public readonly record struct RunStatistics(TimeSpan Duration, long WeightsBytesStreamed, long PeakNativeBytes)
{
    /// <summary>How many parts of the model had to be planned for the run: 0 where it had the shapes of one before, or where only a state had grown (<see cref="StateBinding"/>).</summary>
    public int PlansMade { get; init; }
}
