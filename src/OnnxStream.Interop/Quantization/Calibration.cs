using OnnxStream.Interop.Quantization;

namespace OnnxStream.Interop;

/// <summary>Finds the ranges of a model's activations, which 8 bits are to cover, in runs on samples of what the model will be given.</summary>
/// <remarks>
/// <para>
/// Each sample is run once, in single precision, and all values are looked at where they are: nothing is kept of them but a histogram of 32 KiB each. The memory budget of the options holds
/// for the runs and the histograms together.
/// </para>
/// <para>Only whole numbers are counted. So the ranges are the same whatever the number of threads, and the order of the samples, as long as what the model computes is.</para>
/// </remarks>
/// <example>
/// <code>
/// RangeTable ranges = new Calibration(model, new SessionOptions()).Run(samples);
/// new Quantizer(model, new SessionOptions()) { Scheme = QuantizationScheme.Weights8Activations8, Ranges = ranges }.SaveOnnx("model.qdq.onnx");
/// </code>
/// </example>
public sealed class Calibration
{
    private readonly SessionOptions _options;

    /// <summary>Prepares a calibration.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How to compute. The budget, threads and weights provider are those of the runs; state is not carried from run to run, and activations are single precision.</param>
    public Calibration(Model model, SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        Model = model;
        _options = options;
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>How ranges follow from the numbers; <see cref="CalibrationMethod.MeanSquaredError"/> unless told otherwise.</summary>
    public CalibrationMethod Method { get; init; } = CalibrationMethod.MeanSquaredError;

    /// <summary>For <see cref="CalibrationMethod.Percentile"/>, the percentage of the numbers of a value that are not clipped, half of the others at each end: more than 50, at most 100; 99.99 unless told otherwise.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public double Percentile
    {
        get;
        init => field = value is > 50 and <= 100 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A percentile is more than 50 and at most 100.");
    } = 99.99;

    /// <summary>Whether to find the ranges, too, that the original OnnxStream computes with in 8 bits: those of the results of all sums, products, normalizations and sigmoids.</summary>
    public bool HasOperatorResults { get; init; }

    /// <summary>The bytes that the histograms take, in addition to what a session needs.</summary>
    public long HistogramBytes => ObservedModel.FindValues(Model, HasOperatorResults).Count * ValueHistogram.Bytes;

    /// <summary>Runs the model on samples.</summary>
    /// <param name="samples">For each sample a tensor or a sequence for every input of the model, by name, as in a run. They are asked for one after the other, and let go.</param>
    /// <param name="progress">Receives a report now and then, on the thread that runs; null for none.</param>
    /// <param name="cancellationToken">Stops between two steps of a run.</param>
    /// <returns>The ranges of all values that had a finite number.</returns>
    /// <exception cref="InvalidInputException">There is no sample, or one is not what the model declares: the message says which.</exception>
    /// <exception cref="MemoryBudgetException">The runs and the histograms do not fit into the budget.</exception>
    /// <exception cref="WeightsException">A weight could not be read.</exception>
    /// <exception cref="OperationCanceledException">The calibration was cancelled.</exception>
    public RangeTable Run(IEnumerable<IReadOnlyDictionary<string, OnnxValue>> samples, IProgress<CalibrationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(samples);
        Dictionary<string, ValueHistogram> histograms = ObservedModel.FindValues(Model, HasOperatorResults).ToDictionary(name => name, _ => new ValueHistogram());
        int count = 0;
        try
        {
            using InferenceSession session = new(ObservedModel.Make(Model, histograms), Observing(histograms.Count * ValueHistogram.Bytes));
            foreach (IReadOnlyDictionary<string, OnnxValue> sample in samples)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new CalibrationProgress(count, 0));
                try
                {
                    session.Run(sample, new RunOptions { Progress = progress is null ? null : new Reporter(progress, count) }, cancellationToken);
                }
                catch (InvalidInputException exception)
                {
                    throw new InvalidInputException($"Sample {count + 1} of the calibration: {exception.Message}", exception);
                }

                count++;
            }
        }
        catch (MemoryBudgetException exception) when (_options.MemoryBudget is { } budget)
        {
            throw new MemoryBudgetException(budget, exception.SmallestBudgetBytes + histograms.Count * ValueHistogram.Bytes);
        }

        if (count == 0)
        {
            throw new InvalidInputException($"{Model.Path}: a calibration needs at least one sample of what the model will be given, found none.");
        }

        return new RangeTable(histograms.Where(pair => pair.Value.Count > 0).OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => Choose(pair.Key, pair.Value)))
        {
            Method = Method,
            SampleCount = count,
            ModelIdentity = ModelIdentity.Of(Model.Graph),
        };
    }

    private SessionOptions Observing(long histogramBytes) => _options with
    {
        PlanOnly = false,
        PanelStore = PanelStoreOptions.Off,
        ActivationElementType = ElementType.Float32,
        StateBindings = [],
        AdditionalOutputs = [],

        // Too little is refused by the session, which knows how much it needs.
        MemoryBudget = _options.MemoryBudget is { } budget ? Math.Max(1, budget - histogramBytes) : null,
    };

    private ValueRange Choose(string name, ValueHistogram histogram)
    {
        RangeChooser chooser = new(histogram);
        (float minimum, float maximum) = chooser.Choose(Method, Percentile);
        return new ValueRange(name, minimum, maximum)
        {
            ObservedMinimum = histogram.Minimum,
            ObservedMaximum = histogram.Maximum,
            Loss = chooser.Loss(minimum, maximum).Relative,
        };
    }

    private sealed class Reporter(IProgress<CalibrationProgress> progress, int sample) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => progress.Report(new CalibrationProgress(sample, value.StepCount == 0 ? 1 : (double)value.Step / value.StepCount));
    }
}
