using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli;

/// <summary>What the commands share that find ranges: samples in files or made up, and a budget for the process.</summary>
internal sealed class CalibrationRun
{
    private readonly Model _model;
    private readonly SampleFiles? _files;
    private readonly int _most;
    private readonly IReadOnlyDictionary<string, long> _dimensions;
    private readonly int _seed;

    /// <summary>Finds the samples.</summary>
    /// <param name="model">The model.</param>
    /// <param name="paths">Where they are; empty for one that is made up.</param>
    /// <param name="most">The most to use; 0 for all.</param>
    /// <param name="dimensions">The sizes of open dimensions of one that is made up.</param>
    /// <param name="seed">Decides its elements.</param>
    public CalibrationRun(Model model, string[] paths, int most, IReadOnlyDictionary<string, long> dimensions, int seed)
    {
        _model = model;
        _files = paths.Length > 0 ? SampleFiles.Find(model, paths) : null;
        _most = most == 0 ? int.MaxValue : most;
        _dimensions = dimensions;
        _seed = seed;
    }

    /// <summary>Whether there are no samples but one that is made up.</summary>
    public bool IsRandom => _files is null;

    /// <summary>How many samples there are.</summary>
    public int Count => _files is null ? 1 : Math.Min(_files.Count, _most);

    /// <summary>The samples, read one after the other.</summary>
    public IEnumerable<IReadOnlyDictionary<string, OnnxValue>> Samples() => _files?.Read(_most) ?? [First()];

    /// <summary>The first sample.</summary>
    public IReadOnlyDictionary<string, OnnxValue> First() => _files?.Read(1).First() ?? new InputTensors(_model, [], _dimensions, _seed, PictureOptions.Default).Create(_ => { });

    /// <summary>The budget of sessions in a process with a limit.</summary>
    /// <param name="options">How sessions compute.</param>
    /// <param name="limit">The most that the process may have; null for no limit.</param>
    /// <param name="sample">What they are given.</param>
    /// <param name="histogramBytes">What histograms take beside a session, inside its budget.</param>
    /// <exception cref="UsageException">The limit is too small.</exception>
    public SessionOptions Limit(SessionOptions options, long? limit, IReadOnlyDictionary<string, OnnxValue> sample, long histogramBytes)
    {
        if (limit is not { } allowed)
        {
            return options;
        }

        Dictionary<string, TensorType> types = sample.Where(input => input.Value is TensorBuffer).ToDictionary(input => input.Key, input => ((TensorBuffer)input.Value).Type);
        using InferenceSession planned = new(_model, options with { PlanOnly = true });
        PlanSummary plan = planned.Plan(types);
        ProcessMemory memory = ProcessMemory.Measure(plan.OperatorBytes, plan.OutputBytes);
        memory.Check(allowed, plan.SmallestBudgetBytes + histogramBytes);
        return options with { MemoryBudget = memory.BudgetFor(allowed) };
    }

    /// <summary>Finds ranges, and shows how far it is.</summary>
    public RangeTable FindRanges(Terminal terminal, Calibration calibration, CancellationToken cancellationToken) =>
        ProgressDisplay.Show(terminal, report => calibration.Run(Samples(), new Reporter(report, Count), cancellationToken));

    private sealed class Reporter(ProgressDisplay.Reporter report, int count) : IProgress<CalibrationProgress>
    {
        public void Report(CalibrationProgress value) => report(count == 1 ? "calibrating" : $"calibrating, sample {value.Sample + 1}/{count}", (value.Sample + value.Fraction) / count);
    }
}
