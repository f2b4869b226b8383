namespace OnnxStream.Interop;

/// <summary>The outputs of a run by name, and what the run cost.</summary>
public sealed class RunResult
{
    internal RunResult(IReadOnlyDictionary<string, OnnxValue> values, RunStatistics statistics)
    {
        Values = values;
        Outputs = values.Where(pair => pair.Value is TensorBuffer).ToDictionary(pair => pair.Key, pair => (TensorBuffer)pair.Value);
        Statistics = statistics;
    }

    /// <summary>The outputs that are tensors, in the order of the model (additional ones last).</summary>
    public IReadOnlyDictionary<string, TensorBuffer> Outputs { get; }

    /// <summary>All outputs, tensors and sequences, in the order of the model (additional ones last). Optional ones without content are missing.</summary>
    public IReadOnlyDictionary<string, OnnxValue> Values { get; }

    /// <summary>What the run cost.</summary>
    public RunStatistics Statistics { get; }

    /// <summary>The output of that name, which is a tensor.</summary>
    /// <exception cref="KeyNotFoundException">There is none, or it is optional and has no content.</exception>
    /// <exception cref="InvalidOperationException">It is a sequence.</exception>
    public TensorBuffer this[string name] => Find(name) as TensorBuffer ?? throw new InvalidOperationException($"The output '{name}' is a sequence; {nameof(Sequence)} returns it.");

    /// <summary>The output of that name, which is a sequence.</summary>
    /// <exception cref="KeyNotFoundException">There is none, or it is optional and has no content.</exception>
    /// <exception cref="InvalidOperationException">It is a tensor.</exception>
    public TensorSequence Sequence(string name) => Find(name) as TensorSequence ?? throw new InvalidOperationException($"The output '{name}' is a tensor, not a sequence.");

    private OnnxValue Find(string name) =>
        Values.TryGetValue(name, out OnnxValue? value) ? value :
        throw new KeyNotFoundException($"The run has no output '{name}'. It has: {string.Join(", ", Values.Keys)}. Optional outputs without content are missing.");
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
