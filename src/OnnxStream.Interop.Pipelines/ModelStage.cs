using System.Diagnostics;

namespace OnnxStream.Interop.Pipelines;

/// <summary>One model of a pipeline: its session, which is open only during its stage, and what its runs add up to.</summary>
internal sealed class ModelStage : IDisposable
{
    private Model? _model;
    private readonly TimeSpan _readDuration;
    private long _started;
    private InferenceSession? _session;
    private TimeSpan _loadDuration;
    private TimeSpan _runDuration;
    private int _runCount;
    private long _weightsBytesStreamed;
    private long _peakNativeBytes;

    /// <summary>Reads a model, but prepares nothing yet: whether it is what the stage needs is asked first.</summary>
    /// <param name="path">The model.</param>
    /// <param name="files">Where it lies.</param>
    /// <param name="adapt">Gives it other weights; null to leave it as it is.</param>
    public ModelStage(string path, PipelineFiles files, Func<Model, Model>? adapt = null)
    {
        _started = Stopwatch.GetTimestamp();
        Path = path;
        Model model = files.LoadModel(path);
        _model = adapt?.Invoke(model) ?? model;
        _readDuration = Stopwatch.GetElapsedTime(_started);
    }

    /// <summary>The model's file.</summary>
    public string Path { get; }

    /// <summary>What a run must be given.</summary>
    public IReadOnlyList<ValueMetadata> Inputs => Model.Inputs;

    /// <summary>What a run returns.</summary>
    public IReadOnlyList<ValueMetadata> Outputs => Model.Outputs;

    /// <summary>Where the model can be begun in its middle (<see cref="Interop.Model.FindSkipConnections"/>).</summary>
    public IReadOnlyList<SkipConnection> FindSkipConnections() => Model.FindSkipConnections();

    /// <summary>Makes the session, which takes time and memory.</summary>
    /// <param name="options">How it computes; null for the defaults.</param>
    /// <param name="sets">How many sets of inputs will usually go together (<see cref="RunBatch"/>).</param>
    public void Prepare(SessionOptions? options, int sets = 1)
    {
        // Other stages may have run since the model was read.
        _started = Stopwatch.GetTimestamp();
        _session = new InferenceSession(Model, options);

        // How many the budget lets go together is planned now, not in the first run.
        if (sets > 1 && options?.MemoryBudget is not null && Inputs.All(input => input.Dimensions is { } dimensions && dimensions.All(dimension => dimension.IsKnown)))
        {
            _ = _session.SetsTogether(sets);
        }

        // A stage runs for long in little memory. What reading and planning left is given back once, before that.
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        _loadDuration = _readDuration + Stopwatch.GetElapsedTime(_started);
    }

    /// <summary>What runs would need, and how many sets of inputs would go together within the budget. Nothing is computed, and no session stays.</summary>
    /// <param name="options">How the session would compute; null for the defaults. A budget that is too small is no error here.</param>
    /// <param name="inputs">The types of a set of inputs, by name.</param>
    /// <param name="sets">The numbers of sets that runs would be given, at least one.</param>
    public StageNeed Plan(SessionOptions? options, IReadOnlyDictionary<string, TensorType> inputs, params IReadOnlyList<int> sets)
    {
        SessionOptions planning = (options ?? new SessionOptions()) with { PlanOnly = true };
        long smallest;
        using (InferenceSession free = new(Model, planning with { MemoryBudget = null }))
        {
            PlanSummary one = free.Plan(inputs);
            smallest = one.SmallestBudgetBytes;
            if (planning.MemoryBudget is null)
            {
                return Decide(free);
            }

            if (smallest > planning.MemoryBudget)
            {
                return new StageNeed(one, sets.Distinct().ToDictionary(count => count, _ => 1), smallest);
            }
        }

        using InferenceSession session = new(Model, planning);
        return Decide(session);

        StageNeed Decide(InferenceSession session)
        {
            Dictionary<int, int> together = sets.Distinct().ToDictionary(count => count, count => session.SetsTogether(count, inputs));
            return new StageNeed(session.PlanBatch(together.Values.Max(), inputs), together, smallest);
        }
    }

    /// <summary>Runs the model, which must have been prepared.</summary>
    public RunResult Run(IReadOnlyDictionary<string, TensorBuffer> inputs, CancellationToken cancellationToken)
    {
        RunResult result = Session.Run(inputs, options: null, cancellationToken);
        Count(result.Statistics);
        return result;
    }

    /// <summary>Runs the model for several sets of inputs: all of the same shapes in one pass over the weights, as far as the session's budget has room for them.</summary>
    /// <returns>The outputs of each set.</returns>
    public IReadOnlyList<RunResult> RunBatch(IReadOnlyList<IReadOnlyDictionary<string, TensorBuffer>> sets, CancellationToken cancellationToken)
    {
        RunResult[] results = new RunResult[sets.Count];
        foreach (IGrouping<string, int> alike in Enumerable.Range(0, sets.Count).GroupBy(i => string.Join(';', sets[i].Select(input => $"{input.Key}:{input.Value.Type}"))))
        {
            int[] places = [.. alike];
            IReadOnlyList<RunResult> some = Session.RunBatch([.. places.Select(i => sets[i])], options: null, cancellationToken);
            for (int i = 0; i < places.Length; i++)
            {
                results[places[i]] = some[i];
            }

            Count(some[0].Statistics);
        }

        return results;
    }

    /// <summary>What the stage took so far.</summary>
    public StageTotals Totals => new(_readDuration + Stopwatch.GetElapsedTime(_started), _loadDuration, _runDuration, _runCount, _weightsBytesStreamed, _peakNativeBytes);

    private InferenceSession Session => _session ?? throw new ObjectDisposedException(nameof(ModelStage));

    // A pipeline goes on after a stage is done, and a graph is some mebibytes.
    private Model Model => _model ?? throw new ObjectDisposedException(nameof(ModelStage));

    /// <summary>Closes the session, and lets go of the graph. It may be called again.</summary>
    public void Dispose()
    {
        _session?.Dispose();
        _session = null;
        _model = null;
    }

    private void Count(RunStatistics statistics)
    {
        _runCount++;
        _runDuration += statistics.Duration;
        _weightsBytesStreamed += statistics.WeightsBytesStreamed;
        _peakNativeBytes = Math.Max(_peakNativeBytes, statistics.PeakNativeBytes);
    }
}
