using System.Diagnostics;
using OnnxStream.Interop.Execution;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Graphs.Passes;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop;

/// <summary>A model that is ready to run: planned for the shapes of its inputs, with the memory that the plan needs.</summary>
/// <remarks>
/// A plan is made when the session is created if the model leaves no dimension open, otherwise by the first run with given
/// input shapes; the last few plans are kept. One run is computed at a time: a second one on another thread waits.
/// </remarks>
public sealed class InferenceSession : IDisposable
{
    // For each part of the graph.
    private const int KeptPlans = 4;

    private readonly Graph _graph;
    private readonly SessionOptions _options;
    private readonly WorkerPool _workers;
    private readonly WeightsProvider _weights;
    private readonly ConstantEvaluator _evaluator = new();
    private readonly List<PlannedSegment> _segments = [];
    private readonly Dictionary<int, HashSet<Value>> _readFrom = [];
    private readonly HashSet<Value> _wanted;
    private readonly Value[] _outputs;
    private readonly Lock _lock = new();
    private bool _disposed;

    /// <summary>Opens a model and prepares it.</summary>
    /// <param name="path">An <c>.onnx</c> file, or an OnnxStream folder.</param>
    /// <param name="options">How to compute; null for the defaults.</param>
    /// <inheritdoc cref="Model.Load" path="/exception"/>
    /// <exception cref="UnsupportedOperatorException">The model uses operators that are not supported; all of them are listed.</exception>
    /// <exception cref="InvalidGraphException">The graph contradicts itself.</exception>
    /// <exception cref="MemoryBudgetException">The plan does not fit into <see cref="SessionOptions.MemoryBudget"/>.</exception>
    public InferenceSession(string path, SessionOptions? options = null)
        : this(Model.Load(path), options)
    {
    }

    /// <summary>Prepares a model.</summary>
    /// <param name="model">The model; several sessions may share it.</param>
    /// <param name="options">How to compute; null for the defaults.</param>
    /// <exception cref="UnsupportedOperatorException">The model uses operators that are not supported; all of them are listed.</exception>
    /// <exception cref="InvalidGraphException">The graph contradicts itself.</exception>
    /// <exception cref="MemoryBudgetException">The plan does not fit into <see cref="SessionOptions.MemoryBudget"/>.</exception>
    public InferenceSession(Model model, SessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        Model = model;
        _graph = model.Graph;
        _options = options ?? new SessionOptions();
        OperatorRegistry.CheckSupported(_graph);
        _outputs = [.. _graph.Outputs, .. FindAdditionalOutputs()];
        _wanted = [.. _outputs];
        XnnpackLibrary.Initialize();
        _workers = new WorkerPool(_options.ThreadCount);
        _weights = _options.WeightsProvider ?? WeightsProvider.DiskPrefetch();
        try
        {
            if (DeclaredTypes() is { } types)
            {
                Plan(types);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>What a run must be given.</summary>
    public IReadOnlyList<ValueMetadata> Inputs => Model.Inputs;

    /// <summary>What a run returns (additional outputs not included).</summary>
    public IReadOnlyList<ValueMetadata> Outputs => Model.Outputs;

    /// <summary>Computes the outputs for the given inputs.</summary>
    /// <param name="inputs">A tensor for every input of the model, by name.</param>
    /// <param name="options">What to report; null for nothing.</param>
    /// <param name="cancellationToken">Stops the run between two steps; the session stays usable.</param>
    /// <exception cref="InvalidInputException">An input is missing, unknown, or of another type or shape than the model declares.</exception>
    /// <exception cref="InvalidGraphException">The model cannot work on inputs of these shapes.</exception>
    /// <exception cref="MemoryBudgetException">The plan for inputs of these shapes does not fit into <see cref="SessionOptions.MemoryBudget"/>.</exception>
    /// <exception cref="WeightsException">A weight could not be read.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    /// <exception cref="InvalidOperationException">The session is for planning only.</exception>
    public RunResult Run(IReadOnlyDictionary<string, TensorBuffer> inputs, RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (_options.PlanOnly)
        {
            throw new InvalidOperationException($"A session with {nameof(SessionOptions)}.{nameof(SessionOptions.PlanOnly)} cannot run.");
        }

        InputChecker.Check(Model.Inputs, inputs);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            using Activity? activity = Telemetry.Activities.StartActivity("run");
            activity?.SetTag("onnxstream.model", Model.Path);
            CountedMemory.ResetPeak();
            Dictionary<Value, TensorBuffer> live = [];
            Dictionary<Value, Constant> constants = [];
            foreach (Value input in _graph.Inputs)
            {
                live.Add(input, inputs[input.Name]);
            }

            TimeSpan duration = TimeSpan.Zero;
            long streamed = 0;
            int start = 0;
            do
            {
                Dictionary<Value, (TensorType, Constant?)> known = [];
                foreach (Value value in ReadFrom(start))
                {
                    if (constants.TryGetValue(value, out Constant? constant))
                    {
                        known.Add(value, (constant.Type, constant));
                    }
                    else if (live.TryGetValue(value, out TensorBuffer? tensor))
                    {
                        known.Add(value, (tensor.Type, null));
                    }
                }

                PlannedSegment planned = GetSegment(start, known);
                Segment segment = planned.Segment;
                if (segment.End > start || segment.Needed is null)
                {
                    long begin = Stopwatch.GetTimestamp();
                    TensorBuffer[] results = planned.Executor!.Run([.. segment.Inputs.Select(value => live[value])], options?.Progress, options?.Trace, cancellationToken);
                    duration += Stopwatch.GetElapsedTime(begin);
                    streamed += planned.Executor.WeightsBytesStreamed;
                    for (int i = 0; i < results.Length; i++)
                    {
                        live[segment.Outputs[i]] = results[i];
                    }
                }

                foreach ((Value value, Constant constant) in segment.Constants)
                {
                    constants[value] = constant;
                }

                // The next node cannot be planned before the content of this value is known, and it is known now.
                if (segment.Needed is { } needed && (!live.TryGetValue(needed, out TensorBuffer? content) || !constants.TryAdd(needed, Constant.FromData(content.Type, content.Bytes.ToArray()))))
                {
                    throw new InvalidGraphException($"The graph cannot be planned: the content of '{needed.Name}' is needed and not known.");
                }

                start = segment.End;
                foreach (Value value in live.Keys.Where(value => !_wanted.Contains(value) && !ReadFrom(start).Contains(value)).ToArray())
                {
                    live.Remove(value);
                }
            }
            while (start < _graph.Nodes.Count);

            Dictionary<string, TensorBuffer> outputs = new(_outputs.Length);
            foreach (Value output in _outputs)
            {
                outputs[output.Name] = live[output];
            }

            Telemetry.RunDuration.Record(duration.TotalSeconds);
            Telemetry.WeightsStreamed.Add(streamed);
            return new RunResult(outputs, new RunStatistics(duration, streamed, CountedMemory.PeakBytes));
        }
    }

    /// <summary>What the session does in a run with inputs of these shapes, and the memory that it needs for it. Nothing is computed.</summary>
    /// <param name="inputs">The types and shapes of all inputs, by name; null for those that the model declares, if it leaves none open.</param>
    /// <remarks>Where shapes depend on what is computed, the plan ends there.</remarks>
    /// <exception cref="InvalidInputException">An input is missing, unknown, or of another type or shape than the model declares.</exception>
    /// <exception cref="InvalidGraphException">The model cannot work on inputs of these shapes.</exception>
    /// <exception cref="MemoryBudgetException">The plan does not fit into <see cref="SessionOptions.MemoryBudget"/>.</exception>
    public PlanSummary Plan(IReadOnlyDictionary<string, TensorType>? inputs = null)
    {
        inputs ??= DeclaredTypes() ?? throw new InvalidInputException($"The model leaves dimensions open: {string.Join("; ", Inputs)}. Say the shapes of its inputs.");
        InputChecker.Check(Model.Inputs, inputs);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            Dictionary<Value, (TensorType, Constant?)> known = [];
            foreach (Value input in _graph.Inputs.Where(ReadFrom(0).Contains))
            {
                known.Add(input, (inputs[input.Name], null));
            }

            PlannedSegment planned = GetSegment(0, known);
            ExecutionPlan plan = planned.Plan;
            long window = _weights.HoldsWeights ? SmallestBudget(plan, 0) - plan.NativeBytes : Math.Max(plan.WeightsInUseBytes, _weights.HoldsWindow ? planned.WindowBytes : 0);
            return plan.Summarize(window, SmallestBudget(plan, planned.PackingBytes)) with { PanelStorePath = planned.StorePath };
        }
    }

    /// <summary>Frees the session's memory and threads. A run on another thread is waited for.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            foreach (PlannedSegment segment in _segments)
            {
                segment.Dispose();
            }

            _evaluator.Dispose();
            _workers.Dispose();
            if (_options.WeightsProvider is null)
            {
                _weights.Dispose();
            }
        }
    }

    private Dictionary<string, TensorType>? DeclaredTypes() =>
        Inputs.All(input => input.Dimensions is not null && input.Dimensions.All(dimension => dimension.IsKnown))
            ? Inputs.ToDictionary(input => input.Name, input => new TensorType(input.ElementType, new Shape([.. input.Dimensions!.Select(dimension => dimension.Value)])))
            : null;

    private IEnumerable<Value> FindAdditionalOutputs()
    {
        foreach (string name in _options.AdditionalOutputs)
        {
            yield return _graph.Nodes.SelectMany(node => node.Outputs).FirstOrDefault(output => output?.Name == name) ??
                throw new ArgumentException($"The model makes no value '{name}' that could be an additional output.");
        }
    }

    // The values that the nodes from "start" on read.
    private HashSet<Value> ReadFrom(int start)
    {
        if (!_readFrom.TryGetValue(start, out HashSet<Value>? read))
        {
            read = [.. _graph.Nodes.Skip(start).SelectMany(node => node.Inputs).OfType<Value>()];
            _readFrom.Add(start, read);
        }

        return read;
    }

    private PlannedSegment GetSegment(int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known)
    {
        int index = _segments.FindIndex(segment => segment.Matches(start, known));
        if (index >= 0)
        {
            PlannedSegment found = _segments[index];
            _segments.RemoveAt(index);
            _segments.Add(found);
            return found;
        }

        // The arena of a plan that is not used now would only cost memory beside the new one's.
        if (_segments.Count(segment => segment.Segment.Start == start) == KeptPlans)
        {
            int oldest = _segments.FindIndex(segment => segment.Segment.Start == start);
            _segments[oldest].Dispose();
            _segments.RemoveAt(oldest);
        }

        Segment segment = Specializer.Specialize(_graph, start, known, _wanted, _evaluator.Evaluate);
        if (_options.RewriteGraph)
        {
            Rewriter.Rewrite(segment.Graph, storesHalf: _options.ActivationElementType == ElementType.Float16);
        }

        PanelPacker packer = new(_options.PanelStore, Model.Path, _workers, _weights, _options.Logger);
        ExecutionPlan plan = Planner.Plan(segment.Graph, _workers, _weights.Traits, _options.PanelStore.IsEnabled ? packer.Attach : null);
        long windowBytes;
        try
        {
            windowBytes = FitBudget(plan, packer);
            if (!_options.PlanOnly && !packer.TryMake(PackingRoom(plan)))
            {
                plan.Dispose();
                plan = Planner.Plan(segment.Graph, _workers, _weights.Traits);
                windowBytes = FitBudget(plan, packer);
            }
        }
        catch
        {
            plan.Dispose();
            throw;
        }

        Executor? executor = _options.PlanOnly ? null : new Executor(plan, _workers, _weights, windowBytes);
        PlannedSegment planned = new(known, segment, plan, executor, windowBytes, packer.StorePath, packer.SmallestPackingBytes);
        _segments.Add(planned);
        return planned;
    }

    // How many bytes of weights may be read ahead beside a new plan. Plans that are kept only to be used again make room for it.
    private long FitBudget(ExecutionPlan plan, PanelPacker packer)
    {
        if (_options.MemoryBudget is not { } budget)
        {
            return _weights.WindowBytes;
        }

        long smallest = SmallestBudget(plan, packer.SmallestPackingBytes);
        if (smallest > budget)
        {
            throw new MemoryBudgetException(budget, smallest);
        }

        while (_segments.Count > 0 && KeptBytes + smallest > budget)
        {
            _segments[0].Dispose();
            _segments.RemoveAt(0);
        }

        if (!_weights.HoldsWindow)
        {
            return _weights.WindowBytes;
        }

        long room = budget - KeptBytes - plan.NativeBytes;
        return room >= plan.WeightsInUseBytes ? Math.Min(_weights.WindowBytes, room) : 0;
    }

    // The operators of the plan and the plans that are kept are there while panels are packed.
    private long PackingRoom(ExecutionPlan plan) => _options.MemoryBudget is { } budget ? budget - KeptBytes - plan.OperatorBytes : long.MaxValue;

    // A provider that keeps what it has read needs room for all of it. A store is made before the plan's own memory is reserved.
    private long SmallestBudget(ExecutionPlan plan, long packingBytes) => Math.Max(
        plan.OperatorBytes + packingBytes,
        plan.NativeBytes + (_weights.HoldsWeights ? plan.WeightSchedule.Concat(plan.PartlyReadWeights.Select(part => part.Range)).Distinct().Sum(range => range.Length) : plan.WeightsInUseBytes));

    private long KeptBytes => _segments.Sum(segment => segment.Plan.NativeBytes);

    private sealed record PlannedSegment(
        IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> Known, Segment Segment, ExecutionPlan Plan, Executor? Executor, long WindowBytes, string? StorePath, long PackingBytes) : IDisposable
    {
        // The executor has taken the plan over.
        public void Dispose() => ((IDisposable?)Executor ?? Plan).Dispose();

        public bool Matches(int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known) =>
            Segment.Start == start && Known.Count == known.Count &&
            Known.All(pair => known.TryGetValue(pair.Key, out (TensorType Type, Constant? Constant) other) && other.Type == pair.Value.Type &&
                (ReferenceEquals(other.Constant, pair.Value.Constant) ||
                    (pair.Value.Constant is { Data: { } expected } && other.Constant is { Data: { } data } && data.AsSpan().SequenceEqual(expected))));
    }
}
