using System.Diagnostics;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Sessions;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop;

/// <summary>A model that is ready to run: planned for the shapes of its inputs, with the memory that the plan needs.</summary>
/// <remarks>
/// A plan is made when the session is created if the model leaves no dimension open, otherwise by the first run with given
/// input shapes; the last few plans are kept. One run is computed at a time: a second one on another thread waits.
/// </remarks>
public sealed class InferenceSession : IDisposable
{
    // For each part of each graph.
    private const int KeptPlans = 4;

    // Of all parts together: each has memory and a thread of its own.
    private const int MostKeptPlans = 512;

    private readonly Graph _graph;
    private readonly SessionOptions _options;
    private readonly WorkerPool _workers;
    private readonly WeightsProvider _weights;
    private readonly ConstantEvaluator _evaluator;
    private readonly List<PlannedSegment> _segments = [];
    private readonly Value[] _outputs;
    private readonly Lock _lock = new();
    private bool _disposed;

    /// <summary>Opens a model and prepares it.</summary>
    /// <param name="path">An <c>.onnx</c> file, or an OnnxStream folder.</param>
    /// <param name="options">How to compute; null for the defaults.</param>
    /// <inheritdoc cref="Model.Load(string)" path="/exception"/>
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
    /// <exception cref="WeightsException">A file of weights is missing or too short, or a weight that the plan depends on cannot be read.</exception>
    /// <exception cref="UnsupportedOperatorException">The model uses operators that are not supported; all of them are listed.</exception>
    /// <exception cref="InvalidGraphException">The graph contradicts itself.</exception>
    /// <exception cref="MemoryBudgetException">The plan does not fit into <see cref="SessionOptions.MemoryBudget"/>.</exception>
    public InferenceSession(Model model, SessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        Model = model;
        _graph = model.Graph;
        _options = options ?? new SessionOptions();
        model.Examine(() => OperatorRegistry.CheckSupported(_graph));
        _outputs = [.. _graph.Outputs, .. FindAdditionalOutputs()];
        XnnpackLibrary.Initialize();
        _workers = new WorkerPool(_options.ThreadCount);
        _weights = _options.WeightsProvider ?? WeightsProvider.DiskPrefetch();
        _evaluator = new ConstantEvaluator(_weights);
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

    /// <summary>How many parts of graphs have been planned so far: once for each set of shapes, unless too many came in between.</summary>
    internal int PlansMade { get; private set; }

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
            LiveValues values = new(_weights.ReadRange);
            foreach (Value input in _graph.Inputs)
            {
                values.Tensors.Add(input, inputs[input.Name]);
            }

            GraphRun run = new(this, options, cancellationToken);
            TensorBuffer[] results = Model.Examine(() => run.Run(_graph, values, _outputs));
            Dictionary<string, TensorBuffer> outputs = new(_outputs.Length);
            for (int i = 0; i < results.Length; i++)
            {
                outputs[_outputs[i].Name] = results[i];
            }

            Telemetry.RunDuration.Record(run.Duration.TotalSeconds);
            Telemetry.WeightsStreamed.Add(run.WeightsBytesStreamed);
            return new RunResult(outputs, new RunStatistics(run.Duration, run.WeightsBytesStreamed, CountedMemory.PeakBytes));
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
            foreach (Value input in _graph.Inputs.Where(input => _graph.IsReadFrom(0, input)))
            {
                known.Add(input, (inputs[input.Name], null));
            }

            PlannedSegment planned = Model.Examine(() => GetSegment(_graph, 0, known, [.. _outputs]));
            ExecutionPlan plan = planned.Plan;
            long window = _weights.HoldsWeights ? SmallestBudget(plan, 0) - plan.NativeBytes : planned.Weights.HeldBytes(planned.WindowBytes);
            return plan.Summarize(planned.Weights.BufferBytes, window, SmallestBudget(plan, planned.PackingBytes)) with { PanelStorePath = planned.StorePath };
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

    private PlannedSegment GetSegment(Graph graph, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> wanted)
    {
        int index = _segments.FindIndex(segment => segment.Matches(graph, start, known));
        if (index >= 0)
        {
            PlannedSegment found = _segments[index];
            _segments.RemoveAt(index);
            _segments.Add(found);
            return found;
        }

        // The arena of a plan that is not used now would only cost memory beside the new one's.
        if (_segments.Count(segment => segment.IsOf(graph, start)) == KeptPlans)
        {
            int oldest = _segments.FindIndex(segment => segment.IsOf(graph, start));
            _segments[oldest].Dispose();
            _segments.RemoveAt(oldest);
        }

        if (_segments.Count == MostKeptPlans)
        {
            _segments[0].Dispose();
            _segments.RemoveAt(0);
        }

        Segment segment = Specializer.Specialize(graph, start, known, wanted, _evaluator.Evaluate, _weights.ReadRange);
        if (_options.RewriteGraph)
        {
            Rewriter.Rewrite(segment.Graph, storesHalf: _options.ActivationElementType == ElementType.Float16);
        }

        CheckOutputs(segment.Graph);
        long mostBytes = _options.PlanOnly ? long.MaxValue : MachineMemory.Bytes;
        PanelPacker packer = new(_options.PanelStore, Model.Path, _workers, _weights, _options.Logger);
        ExecutionPlan plan = Planner.Plan(segment.Graph, _workers, _weights.Traits, _options.PanelStore.IsEnabled ? packer.TryAttach : null, mostBytes);
        (WeightMemory Weights, long WindowBytes) memory;
        try
        {
            memory = FitBudget(plan, packer);
            if (!_options.PlanOnly && !packer.TryMake(PackingRoom(plan)))
            {
                plan.Dispose();
                plan = Planner.Plan(segment.Graph, _workers, _weights.Traits, mostBytes: mostBytes);
                memory = FitBudget(plan, packer);
            }

            // A store that is not there yet is held in large pieces when it has been written.
            if (memory.Weights != plan.ReadWeights && packer.IsThere && !MappingTrial.Pays(plan.WeightSchedule))
            {
                memory.Weights = plan.ReadWeights;
            }
        }
        catch
        {
            plan.Dispose();
            throw;
        }

        Executor? executor = _options.PlanOnly ? null : new Executor(plan, _workers, _weights, memory.Weights, memory.WindowBytes);

        // What one part hands to the next one is gone when the run ends. Control flow may hand it on.
        bool[]? keeps = ReferenceEquals(graph, _graph) && !graph.Nodes.Exists(node => OperatorRegistry.Get(node) is ControlFlow) ? [.. segment.Outputs.Select(output => !wanted.Contains(output))] : null;
        PlannedSegment planned = new(graph, known, segment, plan, executor, keeps, memory.Weights, memory.WindowBytes, packer.StorePath, packer.SmallestPackingBytes);
        _segments.Add(planned);
        PlansMade++;
        return planned;
    }

    // What a run returns, or hands on to another part of the graph, is a tensor in managed memory.
    private void CheckOutputs(Graph graph)
    {
        if (!_options.PlanOnly && graph.Outputs.Find(output => output.Type!.Value.ByteLength > Array.MaxLength) is { } large)
        {
            throw new InvalidGraphException($"The value '{large.Name}' ({large.Producer?.ToString() ?? "an input"}) would be {large.Type}, {large.Type!.Value.ByteLength:N0} bytes; a tensor that a run returns, or computes further shapes from, has at most {Array.MaxLength:N0}.");
        }
    }

    // The memory for weights of a new plan, and how many bytes of them may be read ahead beside it. Plans that are kept only to be used again make room for it.
    private (WeightMemory Weights, long WindowBytes) FitBudget(ExecutionPlan plan, PanelPacker packer)
    {
        long smallest = SmallestBudget(plan, packer.SmallestPackingBytes);
        if (_options.MemoryBudget is not { } budget)
        {
            // A shape that a file declares costs nothing to write down. More than there is would not be refused by the system, which
            // gives memory before it has it, but end this process or another one later.
            long needed = smallest + plan.Outputs.Sum(output => output.Type.ByteLength);
            return needed <= MachineMemory.Bytes || _options.PlanOnly ? (plan.MappedWeights, _weights.WindowBytes) : throw new MemoryBudgetException(MachineMemory.Bytes, smallest, needed);
        }

        if (smallest > budget)
        {
            throw new MemoryBudgetException(budget, smallest);
        }

        while (_segments.Count > 0 && KeptBytes + smallest > budget)
        {
            _segments[0].Dispose();
            _segments.RemoveAt(0);
        }

        long room = budget - KeptBytes - plan.NativeBytes;

        // Reading takes less memory than mapping, which comes in large pieces.
        long mapped = plan.MappedWeights.HeldBytes(_weights.WindowBytes) + plan.MappedWeights.BufferBytes - plan.ReadWeights.BufferBytes;
        return mapped <= room ? (plan.MappedWeights, _weights.WindowBytes) : (plan.ReadWeights, plan.ReadWeights.LargestWindow(_weights.WindowBytes, room));
    }

    // The operators of the plan and the plans that are kept are there while panels are packed.
    private long PackingRoom(ExecutionPlan plan) => _options.MemoryBudget is { } budget ? budget - KeptBytes - plan.OperatorBytes : long.MaxValue;

    // A provider that keeps what it has read needs room for all of it. A store is made before the plan's own memory is reserved.
    private long SmallestBudget(ExecutionPlan plan, long packingBytes) => Math.Max(
        plan.OperatorBytes + packingBytes,
        plan.NativeBytes + (_weights.HoldsWeights ? plan.WeightSchedule.Concat(plan.PartlyReadWeights.Select(part => part.Range)).Distinct().Sum(range => range.Length) : plan.ReadWeights.InUseBytes));

    private long KeptBytes => _segments.Sum(segment => segment.Plan.NativeBytes);

    // One run: segment by segment, and the graphs inside of control flow likewise.
    private sealed class GraphRun
    {
        private readonly InferenceSession _session;
        private readonly RunOptions? _options;
        private readonly CancellationToken _cancellationToken;
        private readonly ControlFlowRunner _controlFlow;

        public GraphRun(InferenceSession session, RunOptions? options, CancellationToken cancellationToken)
        {
            _session = session;
            _options = options;
            _cancellationToken = cancellationToken;
            _controlFlow = new ControlFlowRunner((body, values) => Run(body, values, [.. body.Outputs]), cancellationToken);
        }

        public TimeSpan Duration { get; private set; }

        public long WeightsBytesStreamed { get; private set; }

        public TensorBuffer[] Run(Graph graph, LiveValues values, Value[] outputs)
        {
            HashSet<Value> wanted = [.. outputs];
            int start = 0;
            do
            {
                Segment segment = RunSegment(graph, start, values, wanted);
                start = segment.End;
                if (segment.EndsAtControlFlow)
                {
                    Node node = graph.Nodes[start++];
                    TensorBuffer[] results = _controlFlow.Run(node, values);
                    for (int i = 0; i < node.Outputs.Length; i++)
                    {
                        if (node.Outputs[i] is { } output)
                        {
                            values.Tensors[output] = results[i];
                        }
                    }
                }

                foreach (Value value in values.Tensors.Keys.Where(value => !wanted.Contains(value) && !graph.IsReadFrom(start, value)).ToArray())
                {
                    values.Tensors.Remove(value);
                }
            }
            while (start < graph.Nodes.Count);

            return Array.ConvertAll(outputs, values.Tensor);
        }

        private Segment RunSegment(Graph graph, int start, LiveValues values, HashSet<Value> wanted)
        {
            Dictionary<Value, (TensorType, Constant?)> known = [];
            foreach (Value value in values.All.Where(value => graph.IsReadFrom(start, value)))
            {
                if (values.TryGetKnown(value, out (TensorType, Constant?) type))
                {
                    known.Add(value, type);
                }
            }

            PlannedSegment planned = _session.GetSegment(graph, start, known, wanted);
            Segment segment = planned.Segment;
            if (segment.End > start || segment.Needed is null)
            {
                long begin = Stopwatch.GetTimestamp();
                TensorBuffer[] results = planned.Executor!.Run([.. segment.Inputs.Select(value => values.Tensors[value])], planned.Keeps, _options?.Progress, _options?.Trace, _cancellationToken);
                Duration += Stopwatch.GetElapsedTime(begin);
                WeightsBytesStreamed += planned.Executor.WeightsBytesStreamed;
                for (int i = 0; i < results.Length; i++)
                {
                    values.Tensors[segment.Outputs[i]] = results[i];
                }
            }

            foreach ((Value value, Constant constant) in segment.Constants)
            {
                values.Constants[value] = constant;
            }

            // The next node cannot be planned before the content of this value is known, and it is known now.
            if (segment.Needed is { } needed && (!values.Tensors.TryGetValue(needed, out TensorBuffer? content) || !values.Constants.TryAdd(needed, Constant.FromData(content.Type, content.Bytes.ToArray()))))
            {
                throw new InvalidGraphException($"The graph cannot be planned: the content of '{needed.Name}' is needed and not known.");
            }

            return segment;
        }
    }

    private sealed record PlannedSegment(
        Graph Graph, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> Known, Segment Segment, ExecutionPlan Plan, Executor? Executor, bool[]? Keeps, WeightMemory Weights, long WindowBytes, string? StorePath, long PackingBytes) : IDisposable
    {
        // The executor has taken the plan over.
        public void Dispose() => ((IDisposable?)Executor ?? Plan).Dispose();

        public bool IsOf(Graph graph, int start) => ReferenceEquals(Graph, graph) && Segment.Start == start;

        public bool Matches(Graph graph, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known) =>
            IsOf(graph, start) && Known.Count == known.Count &&
            Known.All(pair => known.TryGetValue(pair.Key, out (TensorType Type, Constant? Constant) other) && other.Type == pair.Value.Type &&
                (ReferenceEquals(other.Constant, pair.Value.Constant) ||
                    (pair.Value.Constant is { Data: { } expected } && other.Constant is { Data: { } data } && data.AsSpan().SequenceEqual(expected))));
    }
}
