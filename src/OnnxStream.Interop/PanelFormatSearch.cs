using System.Globalization;
using System.IO.Hashing;
using System.Text;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Sessions;

namespace OnnxStream.Interop;

/// <summary>Chooses for each layer of a model the smallest type of panels that keeps the error of the outputs below a target.</summary>
/// <remarks>
/// <para>
/// The error is measured in runs of the model: the root mean square of an output's differences from what single precision gives, as a part of the output's own;
/// of several outputs the largest. A run or three with all layers in one type, at most 24 to find out which layers matter, and a few to try the choice: a small
/// model takes less. Weights are packed in every one of these runs, so that nothing is written, and all of it keeps to the memory budget of the options.
/// </para>
/// <para>The choice is the same whatever the number of threads.</para>
/// </remarks>
/// <example>
/// <code>
/// SessionOptions options = new() { PanelStore = PanelStoreOptions.Auto };
/// PanelFormatSearch search = new(model, options, inputs) { TargetError = 0.02 };
/// options = options with { PanelStore = options.PanelStore with { Formats = search.LoadOrRun() } };
/// using InferenceSession session = new(model, options);
/// </code>
/// </example>
public sealed class PanelFormatSearch
{
    // A model of that many layers and one more is divided down to single ones.
    private const int MostDivisions = 24;

    private readonly SessionOptions _options;
    private readonly IReadOnlyDictionary<string, OnnxValue> _inputs;

    /// <summary>Prepares a search.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">
    /// How sessions will compute. Their budget, threads and weights provider are those of the search, and the error is measured of their outputs. State is not carried
    /// from run to run: what is bound (<see cref="SessionOptions.StateBindings"/>) is an input like others here.
    /// </param>
    /// <param name="inputs">A tensor or a sequence for every input of the model, by name, as in a run.</param>
    public PanelFormatSearch(Model model, SessionOptions options, IReadOnlyDictionary<string, OnnxValue> inputs)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(inputs);
        Model = model;
        _options = options;
        _inputs = inputs;
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>The largest error that is allowed: more than 0 and less than 1. 0.02 unless told otherwise.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public double TargetError
    {
        get;
        init => field = value is > 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A target error is more than 0 and less than 1: a part of the outputs' root mean square.");
    } = 0.02;

    /// <summary>The types that layers may have.</summary>
    /// <exception cref="ArgumentException">There are none, or panels cannot be stored as one of them.</exception>
    public IReadOnlyList<ElementType> Types
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            field = value.Count == 0 ? throw new ArgumentException("At least one type of panels must be allowed.", nameof(value)) :
                value.FirstOrDefault(type => PanelFormats.For(type) is null, ElementType.Undefined) is var other && other != ElementType.Undefined
                ? throw new ArgumentException($"Panels cannot be stored as {other}: {string.Join(", ", PanelFormats.All.Select(format => format.StoredType))} are possible.", nameof(value))
                : [.. value.Distinct()];
        }
    } = [ElementType.Int4, ElementType.Int8, ElementType.Float16, ElementType.Float32];

    /// <summary>What a choice depends on, as a name: the model and its weights, the target, the types, the outputs. Inputs and their shapes are not in it.</summary>
    public string Identity => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(string.Join('\n',
    [
        Model.Path, ModelWeights.Identity(Model.Graph), TargetError.ToString("R", CultureInfo.InvariantCulture), .. Types.Select(type => type.ToString()).Order(StringComparer.Ordinal),
        .. _options.Outputs ?? ["*"], _options.ActivationElementType.ToString(),
    ]))).ToString("x32", CultureInfo.InvariantCulture);

    /// <summary>The file in which <see cref="LoadOrRun"/> keeps the choice: beside the panel store of the options, or in the folder of stores.</summary>
    public string Path => _options.PanelStore.Path is { } store ? store + PanelFormatTable.Extension : System.IO.Path.Combine(PanelStoreOptions.CacheFolder, Identity + PanelFormatTable.Extension);

    /// <summary>The choice that was kept; null if there is none, or it was made for something else.</summary>
    public PanelFormatTable? TryLoad()
    {
        try
        {
            return File.Exists(Path) && PanelFormatTable.Load(Path) is { } table && table.MadeFor == Identity ? table : null;
        }
        catch (Exception exception) when (exception is ModelFormatException or IOException or UnauthorizedAccessException)
        {
            // It can be made again.
            return null;
        }
    }

    /// <summary>The choice that was kept, or a new one, which is kept.</summary>
    /// <inheritdoc cref="Run" path="/param"/>
    /// <inheritdoc cref="Run" path="/exception"/>
    /// <exception cref="IOException">It cannot be kept beside the panel store. In the folder of stores that is no error.</exception>
    public PanelFormatTable LoadOrRun(IProgress<PanelFormatProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (TryLoad() is { } kept)
        {
            return kept;
        }

        PanelFormatTable table = Run(progress, cancellationToken);
        try
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
            table.Save(Path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException && _options.PanelStore.Path is null)
        {
            SessionLog.FormatsNotKept(_options.Logger, Path, exception.Message);
        }

        return table;
    }

    /// <summary>Makes a choice.</summary>
    /// <param name="progress">Receives a report before each run; null for none.</param>
    /// <param name="cancellationToken">Stops the search between two steps of a run. Nothing of it is left.</param>
    /// <returns>A type for each weight that is divided into panels, with the error that was measured.</returns>
    /// <exception cref="TargetErrorException">The target cannot be met with the types that are allowed.</exception>
    /// <exception cref="InvalidInputException">The outputs have no floating-point numbers to compare, or an input is not what the model declares.</exception>
    /// <exception cref="MemoryBudgetException">A run in which weights are packed does not fit into the budget.</exception>
    /// <exception cref="WeightsException">A weight could not be read.</exception>
    /// <exception cref="OperationCanceledException">The search was cancelled.</exception>
    public PanelFormatTable Run(IProgress<PanelFormatProgress>? progress = null, CancellationToken cancellationToken = default) => new Trials(this, progress, cancellationToken).Choose();

    // The sizes of panels if all layers had one type: for each weight, its name, the type that it really has then, and the bytes.
    private List<(string Weight, ElementType Type, long Bytes)> PlanFor(ElementType type)
    {
        PanelStoreOptions store = PanelStoreOptions.File(_options.PanelStore.Path ?? System.IO.Path.Combine(PanelStoreOptions.CacheFolder, "plan.panels")) with { ElementType = type };
        using InferenceSession session = new(Model, _options with { PlanOnly = true, PanelStore = store, StateBindings = [], AdditionalOutputs = [], Logger = null });
        PlanSummary plan = session.Plan(_inputs.Where(input => input.Value is TensorBuffer).ToDictionary(input => input.Key, input => ((TensorBuffer)input.Value).Type));

        // A weight that is used in two ways has one type, and panels for both.
        return [.. plan.Weights.GroupBy(weight => weight.Name).Select(uses => (uses.Key, uses.First().PanelType, uses.Sum(use => use.PanelBytes)))];
    }

    private sealed class Trials(PanelFormatSearch search, IProgress<PanelFormatProgress>? progress, CancellationToken cancellationToken)
    {
        private readonly List<string> _weights = [];
        private readonly List<List<FormatOption>> _options = [];
        private readonly HashSet<int> _used = [];
        private IReadOnlyDictionary<string, OnnxValue> _expected = null!;
        private int _runs;
        private int _mostRuns;

        public PanelFormatTable Choose()
        {
            List<(ElementType Type, int[] Choice)> uniform = Plan();
            int divisions = Math.Min(MostDivisions, Math.Max(0, _weights.Count - 1));
            _mostRuns = 1 + uniform.Count + FormatSelection.MostMeasurements(divisions);
            _expected = Run(PanelStoreOptions.Off, search._options with { ActivationElementType = ElementType.Float32 });
            if (!_expected.Values.Any(value => OutputError.IsComparable(value)))
            {
                throw new InvalidInputException($"{search.Model.Path}: no output has floating-point elements, so there is no error that types of panels could be chosen by.");
            }

            // From the smallest panels on. What is larger than a type that meets the target everywhere is not needed anywhere.
            List<(int[] Choice, double Error)> measured = [];
            foreach ((ElementType type, int[] choice) in uniform.OrderBy(each => FormatSelection.Bytes(_options, each.Choice)))
            {
                if (PanelFormats.For(type) == PanelFormats.Default)
                {
                    continue;
                }

                LayerLosses losses = new();
                double error = Measure(choice, losses);
                KeepLosses(type, choice, losses);
                measured.Add((choice, error));
                if (error <= search.TargetError)
                {
                    break;
                }
            }

            if (measured.Count > 0)
            {
                FixUnused(measured);
            }

            if (measured.Count > 0 && measured[^1].Error <= search.TargetError)
            {
                Forget(measured);
            }

            int[] exact = FormatSelection.Exact(_options);
            double exactError = measured.FirstOrDefault(each => each.Choice.SequenceEqual(exact)) is { Choice: not null } known ? known.Error : MeasureExact(exact);
            if (!(exactError <= search.TargetError))
            {
                throw TooExact(exactError);
            }

            FormatSelection selection = new(_options, measured, exactError, search.TargetError, choice => Measure(choice, null), divisions);
            (int[] chosen, double chosenError, double[] added) = selection.Select();
            return Table(chosen, chosenError, added);
        }

        // Of layers that did not run, such as those of a branch that was not taken, nothing is known: they are as exact as is allowed.
        private void FixUnused(List<(int[] Choice, double Error)> measured)
        {
            for (int layer = 0; layer < _options.Count; layer++)
            {
                if (!_used.Contains(layer))
                {
                    _options[layer] = [_options[layer].MaxBy(option => option.Bytes) with { Loss = 0 }];
                    measured.ForEach(each => each.Choice[layer] = 0);
                }
            }
        }

        // Options that no measured choice has are larger than is needed.
        private void Forget(List<(int[] Choice, double Error)> measured)
        {
            for (int layer = 0; layer < _options.Count; layer++)
            {
                List<FormatOption> all = _options[layer];
                _options[layer] = [.. measured.Select(each => each.Choice[layer]).Distinct().Order().Select(option => all[option])];
                foreach ((int[] choice, _) in measured)
                {
                    choice[layer] = _options[layer].IndexOf(all[choice[layer]]);
                }
            }
        }

        // Single precision is what results are compared with.
        private double MeasureExact(int[] exact) =>
            search._options.ActivationElementType == ElementType.Float32 && exact.Select((option, layer) => _options[layer][option].Type).All(type => PanelFormats.For(type) == PanelFormats.Default) ? 0 : Measure(exact, null);

        // The layers, and what they can have; for each type the choice that is nearest to it.
        private List<(ElementType Type, int[] Choice)> Plan()
        {
            Dictionary<string, int> layers = [];
            List<(ElementType Type, Dictionary<int, int> Choice)> uniform = [];
            foreach (ElementType type in search.Types)
            {
                Dictionary<int, int> choice = [];
                foreach ((string weight, ElementType actual, long bytes) in search.PlanFor(type))
                {
                    if (!layers.TryGetValue(weight, out int layer))
                    {
                        layers.Add(weight, layer = _weights.Count);
                        _weights.Add(weight);
                        _options.Add([]);
                    }

                    int option = _options[layer].FindIndex(each => each.Type == actual);
                    if (option < 0)
                    {
                        option = _options[layer].Count;
                        _options[layer].Add(new FormatOption(actual, bytes, 0));
                    }

                    choice[layer] = option;
                }

                uniform.Add((type, choice));
            }

            return [.. uniform.Select(each => (each.Type, Enumerable.Range(0, _weights.Count).Select(layer => each.Choice.GetValueOrDefault(layer)).ToArray()))];
        }

        // A layer that does not take a type has another one, whose loss is better known from where all have it.
        private void KeepLosses(ElementType type, int[] choice, LayerLosses losses)
        {
            for (int layer = 0; layer < choice.Length; layer++)
            {
                FormatOption option = _options[layer][choice[layer]];
                LayerLoss measured = losses.Of(_weights[layer]);
                if (measured.IsUsed)
                {
                    _used.Add(layer);
                }

                if (option.Type == type || option.Loss == 0)
                {
                    // A loss that is not a number is as bad as can be.
                    double loss = measured.Relative;
                    _options[layer][choice[layer]] = option with { Loss = double.IsFinite(loss) ? Math.Min(loss, 1) : 1 };
                }
            }
        }

        private double Measure(int[] choice, LayerLosses? losses)
        {
            PanelFormatTable table = Table(choice, null, null);
            return OutputError.Of(_expected, Run(PanelStoreOptions.Off with { ElementType = search._options.PanelStore.ElementType, Formats = table, Losses = losses }, search._options));
        }

        private IReadOnlyDictionary<string, OnnxValue> Run(PanelStoreOptions panels, SessionOptions options)
        {
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new PanelFormatProgress(_runs++, _mostRuns));
            using InferenceSession session = new(search.Model, options with { PanelStore = panels, PlanOnly = false, StateBindings = [], AdditionalOutputs = [] });
            return session.Run(search._inputs, null, cancellationToken).Values;
        }

        private PanelFormatTable Table(int[] choice, double? error, double[]? added) =>
            new(_weights.Select((weight, layer) => new PanelFormatLayer(weight, _options[layer][choice[layer]].Type) { PredictedError = added is null ? null : Math.Sqrt(added[layer]) }))
            {
                TargetError = search.TargetError,
                MeasuredError = error,
                MadeFor = error is null ? null : search.Identity,
            };

        private TargetErrorException TooExact(double error) => new(search.TargetError, error, string.Create(CultureInfo.InvariantCulture,
            $"{search.Model.Path}: an error of {search.TargetError} cannot be reached with panels of {string.Join(", ", search.Types)}{(search._options.ActivationElementType == ElementType.Float16 ? " and activations in half precision" : "")}: the best is {error:0.0000000}. Allow a larger error, or more exact types."));
    }
}

/// <summary>How far a search for panel formats is.</summary>
/// <param name="Run">The runs of the model that have ended.</param>
/// <param name="MostRuns">The most that there may be; fewer do, mostly.</param>
public readonly record struct PanelFormatProgress(int Run, int MostRuns);
