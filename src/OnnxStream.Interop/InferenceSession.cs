using System.Diagnostics;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Sessions;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop;

/// <summary>A model that is ready to run: planned for the shapes of its inputs, with the memory that the plan needs.</summary>
/// <remarks>
/// A plan is made when the session is created if the model leaves no dimension open, otherwise by the first run with given
/// input shapes; the last few plans are kept. One run is computed at a time: a second one on another thread waits.
/// What a run calls (progress, a logger, a user's weights) must not call the session that runs: it gets an <see cref="InvalidOperationException"/>,
/// and the session goes on.
/// </remarks>
public sealed class InferenceSession : IDisposable
{
    private const int MostChecked = 16;

    private readonly Graph _graph;
    private readonly SessionOptions _options;
    private readonly MemoryAccount _account;
    private readonly WorkerPool _workers;
    private readonly WeightsProvider _weights;
    private readonly PlanCache _plans;
    private readonly StateLayout[] _layouts;
    private readonly List<SessionState> _states = [];
    private readonly List<(InputTypes Types, int Sets)> _checked = [];
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
        _options = options ?? new SessionOptions();
        Value[] outputs = FindOutputs();
        Value[] additional = [.. FindAdditionalOutputs()];
        _outputs = [.. outputs, .. additional.Except(outputs)];
        _graph = _options.Outputs is null ? model.Graph : model.Graph.PartFor(_outputs);
        Outputs = [.. model.Outputs.Where(output => Array.Exists(outputs, value => value.Name == output.Name))];
        model.Examine(() => OperatorRegistry.CheckSupported(_graph));
        _layouts = StateLayout.Create(model.Graph, model.Inputs, _options.StateBindings);
        XnnpackLibrary.Initialize();
        _account = new MemoryAccount(null);
        using MemoryAccount.Scope scope = MemoryAccount.Enter(_account);
        try
        {
            _workers = new WorkerPool(_options.ThreadCount);
            if (_workers.WorkerCount < _workers.WantedCount)
            {
                SessionLog.FewerThreads(_options.Logger, _workers.WantedCount, _workers.WorkerCount);
            }

            _weights = _options.WeightsProvider ?? WeightsProvider.DiskPrefetch();
            _plans = new PlanCache(model.Content, _options, _account, _workers, _weights, _layouts);
            if (Model.Inputs.All(input => input.IsTensor) && DeclaredTypes() is { } types)
            {
                Prepare(types);
            }
        }
        catch
        {
            Close();
            throw;
        }
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>What a run must be given.</summary>
    public IReadOnlyList<ValueMetadata> Inputs => Model.Inputs;

    /// <inheritdoc cref="Model.OptionalInputs"/>
    public IReadOnlyList<ValueMetadata> OptionalInputs => Model.OptionalInputs;

    /// <summary>What a run returns: the model's outputs, or those that were chosen (<see cref="SessionOptions.Outputs"/>); additional ones are not included.</summary>
    public IReadOnlyList<ValueMetadata> Outputs { get; }

    /// <summary>How many parts of graphs have been planned so far: once for each set of shapes, unless too many came in between.</summary>
    internal int PlansMade => _plans.PlansMade;

    /// <summary>Computes the outputs for the given inputs.</summary>
    /// <param name="inputs">A tensor for every input of the model, by name; inputs with a default value (<see cref="OptionalInputs"/>) may be left out.</param>
    /// <param name="options">What to report; null for nothing.</param>
    /// <param name="cancellationToken">Stops the run between two steps; the session stays usable.</param>
    /// <exception cref="InvalidInputException">An input is missing, unknown, or of another type or shape than the model declares.</exception>
    /// <exception cref="InvalidGraphException">The model cannot work on inputs of these shapes.</exception>
    /// <exception cref="MemoryBudgetException">The plan for inputs of these shapes does not fit into <see cref="SessionOptions.MemoryBudget"/>.</exception>
    /// <exception cref="WeightsException">A weight could not be read.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    /// <exception cref="InvalidOperationException">The session is for planning only, or this is called inside of one of its runs.</exception>
    public RunResult Run(IReadOnlyDictionary<string, TensorBuffer> inputs, RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        RequireNoState();
        return RunWith([AsValues(inputs)], null, options, cancellationToken)[0];
    }

    /// <summary>Computes the outputs for the given inputs, some of which are sequences or optional.</summary>
    /// <param name="inputs">
    /// A tensor or a sequence for every input of the model, by name, as it declares them. Optional inputs (<see cref="ValueMetadata.IsOptional"/>) that are left out
    /// have no content; inputs with a default value may be left out.
    /// </param>
    /// <param name="options">What to report; null for nothing.</param>
    /// <param name="cancellationToken">Stops the run between two steps; the session stays usable.</param>
    /// <returns>The outputs; <see cref="RunResult.Values"/> has all of them.</returns>
    /// <inheritdoc cref="Run(IReadOnlyDictionary{string, TensorBuffer}, RunOptions?, CancellationToken)" path="/exception"/>
    public RunResult Run(IReadOnlyDictionary<string, OnnxValue> inputs, RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        RequireNoState();
        ArgumentNullException.ThrowIfNull(inputs);
        return RunWith([inputs], null, options, cancellationToken)[0];
    }

    /// <summary>Computes the outputs for the given inputs, some of which are sequences or optional, and a state, which goes on to what the run makes of it.</summary>
    /// <param name="inputs">A tensor or a sequence for every other input of the model, by name, as it declares them. Optional ones that are left out have no content; inputs with a default value may be left out.</param>
    /// <param name="state">The inputs that are bound to outputs. The run writes to it where it is; a run that fails or is cancelled leaves it as it was.</param>
    /// <param name="options">What to report; null for nothing.</param>
    /// <param name="cancellationToken">Stops the run between two steps; the session and the state stay usable.</param>
    /// <returns>The outputs that are not bound to inputs.</returns>
    /// <inheritdoc cref="Run(IReadOnlyDictionary{string, TensorBuffer}, SessionState, RunOptions?, CancellationToken)" path="/exception"/>
    public RunResult Run(IReadOnlyDictionary<string, OnnxValue> inputs, SessionState state, RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(inputs);
        return RunWith([inputs], state, options, cancellationToken)[0];
    }

    /// <summary>Computes the outputs for the given inputs and a state, which goes on to what the run makes of it.</summary>
    /// <param name="inputs">A tensor for every other input of the model, by name; inputs with a default value may be left out.</param>
    /// <param name="state">The inputs that are bound to outputs. The run writes to it where it is; a run that fails or is cancelled leaves it as it was.</param>
    /// <param name="options">What to report; null for nothing.</param>
    /// <param name="cancellationToken">Stops the run between two steps; the session and the state stay usable.</param>
    /// <returns>The outputs that are not bound to inputs.</returns>
    /// <exception cref="ArgumentException">The state is not one of this session.</exception>
    /// <exception cref="ObjectDisposedException">The state or the session was disposed.</exception>
    /// <inheritdoc cref="Run(IReadOnlyDictionary{string, TensorBuffer}, RunOptions?, CancellationToken)" path="/exception"/>
    public RunResult Run(IReadOnlyDictionary<string, TensorBuffer> inputs, SessionState state, RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        return RunWith([AsValues(inputs)], state, options, cancellationToken)[0];
    }

    /// <summary>Computes the outputs for several sets of inputs, independent of each other, in one pass over the weights.</summary>
    /// <remarks>
    /// Each step is computed for all sets while its weights are there, whatever batch the model declares: they are read, expanded and packed once. Each set needs
    /// memory for its activations (<see cref="PlanBatch"/>); where <see cref="SessionOptions.MemoryBudget"/> has no room for
    /// all of them, they go in several passes of nearly equal size. Results are those of one run for each set, to the bit. Where the shapes of sets become different
    /// in the middle of a model, because they depend on data, these sets go on by themselves, and so does each set in the graphs of If, Loop and Scan.
    /// </remarks>
    /// <param name="inputs">For each set, a tensor for every input of the model, by name. All sets have the same inputs, of the same types and shapes.</param>
    /// <param name="options">What to report; progress counts steps of all passes. Null for nothing.</param>
    /// <param name="cancellationToken">Stops the run between two steps; the session stays usable.</param>
    /// <returns>The outputs of each set. All of them have the statistics of the whole batch.</returns>
    /// <exception cref="ArgumentException">There is no set.</exception>
    /// <exception cref="InvalidInputException">An input of a set is missing, unknown, or of another type or shape than the model declares, or than in the first set. Nothing is computed.</exception>
    /// <exception cref="InvalidGraphException">The model cannot work on inputs of these shapes.</exception>
    /// <exception cref="MemoryBudgetException">The plan for one set does not fit into <see cref="SessionOptions.MemoryBudget"/>.</exception>
    /// <exception cref="WeightsException">A weight could not be read.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    /// <exception cref="InvalidOperationException">The session is for planning only or carries a state, or this is called inside of one of its runs.</exception>
    public IReadOnlyList<RunResult> RunBatch(IReadOnlyList<IReadOnlyDictionary<string, TensorBuffer>> inputs, RunOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        RequireNoState();
        if (inputs.Count == 0)
        {
            throw new ArgumentException("The batch has no set of inputs.", nameof(inputs));
        }

        return RunWith([.. inputs.Select(AsValues)], null, options, cancellationToken);
    }

    /// <summary>Makes a state for the session's bindings (<see cref="SessionOptions.StateBindings"/>), at its start.</summary>
    /// <example>
    /// An LSTM that hears a stream, frame by frame:
    /// <code>
    /// using InferenceSession session = new("vad.onnx", new SessionOptions { StateBindings = [new("hn", "h"), new("cn", "c")] });
    /// using SessionState state = session.CreateState();
    /// foreach (TensorBuffer frame in frames)
    /// {
    ///     RunResult result = session.Run(new Dictionary&lt;string, TensorBuffer&gt; { ["input"] = frame }, state);
    /// }
    /// </code>
    /// </example>
    /// <exception cref="InvalidOperationException">The session has no bindings, or is for planning only.</exception>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    /// <exception cref="NativeMemoryException">The operating system refuses the memory.</exception>
    public SessionState CreateState()
    {
        if (_layouts.Length == 0 || _options.PlanOnly)
        {
            throw new InvalidOperationException(_options.PlanOnly ? "A session that only plans has no states." : $"The session has no {nameof(SessionOptions)}.{nameof(SessionOptions.StateBindings)}.");
        }

        CheckEntry();
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _plans.MakeRoom(StateBytes);
            using MemoryAccount.Scope scope = MemoryAccount.Enter(_account);
            List<StateTensor> tensors = [];
            try
            {
                foreach (StateLayout layout in _layouts)
                {
                    tensors.Add(new StateTensor(layout));
                }
            }
            catch
            {
                tensors.ForEach(tensor => tensor.Dispose());
                throw;
            }

            SessionState state = new([.. tensors], Enter, Free);
            _states.Add(state);

            // What fitted beside fewer states may not any more.
            _checked.Clear();
            return state;
        }
    }

    private static Dictionary<string, OnnxValue> AsValues(IReadOnlyDictionary<string, TensorBuffer> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors, "inputs");
        return tensors.ToDictionary(pair => pair.Key, OnnxValue (pair) => pair.Value);
    }

    private void RequireNoState()
    {
        if (_layouts.Length > 0)
        {
            throw new InvalidOperationException($"The session carries tensors from run to run ({string.Join(", ", _layouts.Select(layout => layout.Input.Name))}): pass a run the state that {nameof(CreateState)} made.");
        }
    }

    private RunResult[] RunWith(IReadOnlyDictionary<string, OnnxValue>[] sets, SessionState? state, RunOptions? options, CancellationToken cancellationToken)
    {
        if (_options.PlanOnly)
        {
            throw new InvalidOperationException($"A session with {nameof(SessionOptions)}.{nameof(SessionOptions.PlanOnly)} cannot run.");
        }

        CheckEntry();
        if (state is null)
        {
            CheckSets(sets);
        }

        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            InputTypes types = state is null ? new InputTypes(sets[0]) : CheckInputs(sets[0], state);
            using Activity? activity = Telemetry.Activities.StartActivity("run");
            activity?.SetTag("onnxstream.model", Model.Path);
            using MemoryAccount.Scope scope = MemoryAccount.Enter(_account);
            int together = CheckBudget(types, sets.Length);
            _account.ResetPeak();
            int plansMade = _plans.PlansMade;
            GraphRun run = new(_plans, state, options, cancellationToken);
            List<Dictionary<string, OnnxValue>> outputs = [];
            foreach (IReadOnlyDictionary<string, OnnxValue>[] pass in sets.Chunk(together))
            {
                outputs.AddRange(RunTogether(run, pass, state));
            }

            Telemetry.RunDuration.Record(run.Duration.TotalSeconds);
            Telemetry.WeightsStreamed.Add(run.WeightsBytesStreamed);
            RunStatistics statistics = new(run.Duration, run.WeightsBytesStreamed, _account.PeakBytes) { PlansMade = _plans.PlansMade - plansMade };
            return [.. outputs.Select(output => new RunResult(output, statistics))];
        }
    }

    private Dictionary<string, OnnxValue>[] RunTogether(GraphRun run, IReadOnlyDictionary<string, OnnxValue>[] sets, SessionState? state)
    {
        try
        {
            LiveValues[] values = Array.ConvertAll(sets, set => Given(set, state));
            LiveValue[][] results = Model.Examine(() => run.Run(_graph, values, _outputs, Array.ConvertAll(_outputs, _ => true)));
            state?.Exchange(output => StateResult(output, results[0][Array.IndexOf(_outputs, output)]));
            return Array.ConvertAll(results, Named);
        }
        finally
        {
            _plans.Tensors.EndRun();
        }
    }

    // What exists before the first node.
    private LiveValues Given(IReadOnlyDictionary<string, OnnxValue> inputs, SessionState? state)
    {
        LiveValues values = new(_weights.ReadRange, _plans.Tensors);
        foreach (Value input in _graph.Inputs.Concat(_graph.OptionalInputs))
        {
            if (inputs.TryGetValue(input.Name, out OnnxValue? value))
            {
                values.Set(input, value is TensorSequence sequence
                    ? new LiveSequence(sequence.ElementType, [.. sequence.Select(tensor => new LiveTensor(tensor, isCallers: true))])
                    : new LiveTensor((TensorBuffer)value, isCallers: true));
            }
            else if (input.Declared is { IsOptional: true })
            {
                values.Set(input, new LiveNothing());
            }
        }

        foreach ((Value input, LiveTensor tensor) in state?.Current ?? [])
        {
            values.Set(input, tensor);
        }

        return values;
    }

    private Dictionary<string, OnnxValue> Named(LiveValue[] results)
    {
        Dictionary<string, OnnxValue> outputs = new(_outputs.Length);
        for (int i = 0; i < results.Length; i++)
        {
            if (!Array.Exists(_layouts, layout => layout.Output == _outputs[i]) && results[i].ToOnnxValue() is { } value)
            {
                outputs[_outputs[i].Name] = value;
            }
        }

        return outputs;
    }

    private void CheckSets(IReadOnlyDictionary<string, OnnxValue>[] sets)
    {
        InputChecker.Check(Inputs, OptionalInputs, sets[0]);
        InputTypes first = new(sets[0]);
        for (int i = 1; i < sets.Length; i++)
        {
            try
            {
                InputChecker.Check(Inputs, OptionalInputs, sets[i]);
            }
            catch (InvalidInputException exception)
            {
                throw new InvalidInputException($"Set {i} of the batch (of 0 to {sets.Length - 1}): {exception.Message}", exception);
            }

            InputTypes types = new(sets[i]);
            if (!types.Equal(first))
            {
                string[] names = [.. first.Tensors.Keys.Union(types.Tensors.Keys).Where(name => first.Tensors.ContainsKey(name) != types.Tensors.ContainsKey(name) || first.Tensors[name] != types.Tensors[name])];
                throw new InvalidInputException(
                    $"Set {i} of the batch (of 0 to {sets.Length - 1}) has other inputs than set 0: {string.Join("; ", names.Select(name => $"'{name}' is {Describe(types, name)}, expected {Describe(first, name)}"))}. Sets of other shapes are a batch of their own.");
            }
        }

        static string Describe(InputTypes types, string name) => types.Tensors.TryGetValue(name, out TensorType type) ? type.ToString() : "not given";
    }

    /// <summary>What the session does in a run with inputs of these shapes, and the memory that it needs for it. Nothing is computed.</summary>
    /// <param name="inputs">The types and shapes of all tensors that a run will be given, by name; null for those that the model declares, if it leaves none open. An optional input that is not among them has no content.</param>
    /// <remarks>
    /// Of inputs that are sequences a plan knows nothing, and so not of what depends on them; a run knows, and looks whether it fits the budget.
    /// All of the model is planned, both branches of an If included. Where shapes depend on what is computed, the largest possible ones stand for them,
    /// and what cannot be planned at all is listed (<see cref="PlanSummary.Parts"/>).
    /// </remarks>
    /// <exception cref="InvalidInputException">An input is missing, unknown, or of another type or shape than the model declares.</exception>
    /// <exception cref="InvalidGraphException">The model cannot work on inputs of these shapes.</exception>
    /// <exception cref="MemoryBudgetException">The plan does not fit into <see cref="SessionOptions.MemoryBudget"/>.</exception>
    public PlanSummary Plan(IReadOnlyDictionary<string, TensorType>? inputs = null) => PlanBatch(1, inputs);

    /// <summary>What the session does in a run with several sets of inputs of these shapes together (<see cref="RunBatch"/>), and the memory that it needs for it. Nothing is computed.</summary>
    /// <param name="sets">The sets of inputs, at least 1.</param>
    /// <param name="inputs">The types and shapes of all tensors of a set, by name; null for those that the model declares, if it leaves none open.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer sets.</exception>
    /// <exception cref="MemoryBudgetException">The plan for so many sets does not fit into <see cref="SessionOptions.MemoryBudget"/>.</exception>
    /// <inheritdoc cref="Plan" path="/exception"/>
    public PlanSummary PlanBatch(int sets, IReadOnlyDictionary<string, TensorType>? inputs = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sets, 1);
        inputs ??= KnownTypes();
        InputChecker.Check(Inputs, OptionalInputs, inputs);
        CheckEntry();
        lock (_lock)
        {
            return PlanLocked(TensorTypes(inputs), sets);
        }
    }

    /// <summary>How many of several sets of inputs of these shapes go together within the budget (<see cref="RunBatch"/>): those of the largest pass.</summary>
    /// <param name="sets">The sets of inputs, at least 1.</param>
    /// <param name="inputs">The types and shapes of all tensors of a set, by name; null for those that the model declares, if it leaves none open.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer sets.</exception>
    /// <inheritdoc cref="Plan" path="/exception"/>
    public int SetsTogether(int sets, IReadOnlyDictionary<string, TensorType>? inputs = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sets, 1);
        inputs ??= KnownTypes();
        InputChecker.Check(Inputs, OptionalInputs, inputs);
        CheckEntry();
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            using MemoryAccount.Scope scope = MemoryAccount.Enter(_account);
            return CheckBudget(TensorTypes(inputs), sets);
        }
    }

    /// <summary>Writes the panels that runs with inputs of these shapes need, and the store lacks (<see cref="SessionOptions.PanelStore"/>). Otherwise the first run does.</summary>
    /// <param name="inputs">The types and shapes of all inputs that a run will be given, by name; null for those that the model declares, if it leaves none open.</param>
    /// <returns>The plan. Its <see cref="PlanSummary.PanelStorePath"/> is null where no store is used.</returns>
    /// <inheritdoc cref="Plan" path="/exception"/>
    /// <exception cref="WeightsException">A weight could not be read.</exception>
    /// <exception cref="IOException">A store that was asked for by path cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled (<see cref="PanelStoreOptions.CancellationToken"/>).</exception>
    /// <exception cref="InvalidOperationException">The session is for planning only.</exception>
    public PlanSummary Pack(IReadOnlyDictionary<string, TensorType>? inputs = null)
    {
        if (_options.PlanOnly)
        {
            throw new InvalidOperationException($"A session with {nameof(SessionOptions)}.{nameof(SessionOptions.PlanOnly)} cannot pack.");
        }

        inputs ??= KnownTypes();
        InputChecker.Check(Inputs, OptionalInputs, inputs);
        CheckEntry();
        lock (_lock)
        {
            PlanSummary plan = PlanLocked(TensorTypes(inputs));
            using MemoryAccount.Scope scope = MemoryAccount.Enter(_account);
            _plans.CompletePanelStore();
            return plan;
        }
    }

    /// <summary>Frees the session's memory and threads. A run on another thread is waited for.</summary>
    /// <remarks>A session that nobody uses any more, and nobody has disposed, gives back the same when it is collected.</remarks>
    /// <exception cref="InvalidOperationException">This is called inside of one of the session's runs, such as by its progress; nothing has been freed.</exception>
    public void Dispose()
    {
        CheckEntry();
        lock (_lock)
        {
            Close();
        }
    }

    // A user's provider or reader may throw when it is let go. All else is let go all the same.
    private void Close()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _states.ForEach(state => state.Free());
        try
        {
            _plans?.Dispose();
        }
        finally
        {
            _workers?.Dispose();
            if (_options.WeightsProvider is null)
            {
                _weights?.Dispose();
            }

            _account.Close();
        }
    }

    // A run calls a user's code: progress, a logger, weights, on this thread or on those that work for it. If that called the session again, it would
    // change what the run works with, or wait for itself.
    private void CheckEntry()
    {
        if (_account.IsCurrent || _lock.IsHeldByCurrentThread)
        {
            throw new InvalidOperationException("The session is at work and has called what calls it now (progress, a logger, or a source of weights). It can be used again when that call has returned and the session's work has ended; to end a run early, cancel it.");
        }
    }

    private void Enter(Action action)
    {
        CheckEntry();
        lock (_lock)
        {
            action();
        }
    }

    // The native memory of one state.
    private long StateBytes => _layouts.Sum(layout => 2 * layout.BlockBytes);

    private void Free(SessionState state)
    {
        CheckEntry();
        lock (_lock)
        {
            state.Free();
            _states.Remove(state);
        }
    }

    // The types of all inputs, those of the state included.
    private InputTypes CheckInputs(IReadOnlyDictionary<string, OnnxValue> inputs, SessionState state)
    {
        ObjectDisposedException.ThrowIf(state.IsDisposed, state);
        if (!_states.Contains(state))
        {
            throw new ArgumentException($"The state belongs to another session. {nameof(CreateState)} makes one of this session.", nameof(state));
        }

        InputTypes given = new(inputs);
        Dictionary<string, TensorType> types = state.Types.ToDictionary(tensor => tensor.Input.Name, tensor => tensor.Type);
        foreach (string name in inputs.Keys)
        {
            if (types.ContainsKey(name))
            {
                throw new InvalidInputException($"The input '{name}' comes from the state; a run is not given it. {nameof(SessionState)}.{nameof(SessionState.Write)} sets it.");
            }
        }

        foreach ((string name, TensorType type) in given.Tensors)
        {
            types.Add(name, type);
        }

        InputTypes all = new(types, given.Sequences, isComplete: true);
        InputChecker.Check(Inputs, OptionalInputs, all, inputs);
        return all;
    }

    private static LiveTensor StateResult(Value output, LiveValue value) =>
        value as LiveTensor ?? throw new InvalidInputException($"The output '{output.Name}' is bound to an input, and is {value.Description}, expected a tensor.");

    // Where a model takes nothing but tensors, their types are all that a run is given.
    private InputTypes TensorTypes(IReadOnlyDictionary<string, TensorType> tensors) => new(tensors, isComplete: Inputs.All(input => !input.IsSequence && !input.IsOptional));

    // With the lock.
    private PlanSummary PlanLocked(InputTypes inputs, int sets = 1)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using MemoryAccount.Scope scope = MemoryAccount.Enter(_account);
        PlanSummary summary = MakePlan(inputs, sets);
        if (summary.SmallestBudgetBytes > _options.MemoryBudget)
        {
            throw new MemoryBudgetException(_options.MemoryBudget.Value, summary.SmallestBudgetBytes);
        }

        // A run with these types need not look again: that would leave as much behind as planning does, when the activations come.
        SetChecked(inputs, sets);
        return summary;
    }

    private PlanSummary MakePlan(InputTypes inputs, int sets) =>
        Model.Examine(() => SessionPlan.Make(_plans, _weights, _options.MemoryBudget, _graph, inputs, _outputs, Math.Max(1, _states.Count) * StateBytes, sets));

    private void SetChecked(InputTypes inputs, int sets)
    {
        if (!IsChecked(inputs, sets))
        {
            if (_checked.Count == MostChecked)
            {
                _checked.RemoveAt(0);
            }

            _checked.Add((inputs, sets));
        }
    }

    private bool IsChecked(InputTypes inputs, int sets) => _checked.Exists(known => known.Sets == sets && known.Types.Equal(inputs));

    private Dictionary<string, TensorType> KnownTypes() =>
        DeclaredTypes() ?? throw new InvalidInputException($"The model leaves dimensions open: {string.Join("; ", Inputs)}. Say the shapes of its inputs.");

    // Of inputs that are sequences or optional, nothing is planned beforehand.
    private Dictionary<string, TensorType>? DeclaredTypes() =>
        Inputs.All(input => !input.IsTensor || FindLayout(input) is not null || (input.Dimensions is not null && input.Dimensions.All(dimension => dimension.IsKnown)))
            ? Inputs.Where(input => input.IsTensor).ToDictionary(input => input.Name, input => FindLayout(input)?.Start ?? new TensorType(input.ElementType, new Shape([.. input.Dimensions!.Select(dimension => dimension.Value)])))
            : null;

    private StateLayout? FindLayout(ValueMetadata input) => Array.Find(_layouts, layout => layout.Input.Name == input.Name);

    private Value[] FindOutputs()
    {
        List<Value> all = Model.Graph.Outputs;
        foreach (string name in _options.Outputs ?? [])
        {
            if (!all.Exists(output => output.Name == name))
            {
                throw new ArgumentException($"The model has no output '{name}'. It has: {string.Join(", ", Model.Outputs)}.");
            }
        }

        return [.. all.Where(output => _options.Outputs is not { } chosen || chosen.Contains(output.Name) || _options.StateBindings.Any(binding => binding.Output == output.Name))];
    }

    private IEnumerable<Value> FindAdditionalOutputs()
    {
        foreach (string name in _options.AdditionalOutputs)
        {
            yield return Model.Graph.Nodes.SelectMany(node => node.Outputs).FirstOrDefault(output => output?.Name == name) ??
                throw new ArgumentException($"The model makes no value '{name}' that could be an additional output.");
        }
    }

    // Plans a model whose inputs are all declared, and reserves the memory for its first part.
    private void Prepare(Dictionary<string, TensorType> types)
    {
        CheckBudget(TensorTypes(types));
        PlannedSegment first = Model.Examine(() =>
        {
            Dictionary<Value, (TensorType, Constant?)> known = [];
            foreach (Value input in _graph.Inputs.Where(input => _graph.IsReadFrom(0, input)))
            {
                known.Add(input, (_plans.Stored(input, types[input.Name]), null));
            }

            return _plans.Get(_graph, 0, known, [.. _outputs]);
        });
        if (!_options.PlanOnly)
        {
            _plans.Open(first, 0);
            _plans.EndOpen();
        }
    }

    // What does not fit is refused before anything is computed. Inputs of the last few types have been looked at. How many of the sets go together.
    private int CheckBudget(InputTypes types, int sets = 1)
    {
        if (sets == 1)
        {
            if (_options.MemoryBudget is not null && !IsChecked(types, 1))
            {
                PlanLocked(types);
            }

            return 1;
        }

        for (int passes = 1; passes < sets; passes++)
        {
            int together = (sets + passes - 1) / passes;
            if (together == 1)
            {
                break;
            }

            if (IsChecked(types, together))
            {
                return together;
            }

            if ((passes == 1 || together < (sets + passes - 2) / (passes - 1)) && Fits(types, together))
            {
                SetChecked(types, together);
                return together;
            }
        }

        return CheckBudget(types);
    }

    // Without a budget, what the machine has is the limit. Once there is a plan, what the session holds tells: planning again would leave much behind.
    private bool Fits(InputTypes types, int sets) => _options.MemoryBudget is null && _plans.PlansMade > 0
        ? _account.LiveBytes <= MachineMemory.Bytes / sets
        : MakePlan(types, sets).SmallestBudgetBytes <= (_options.MemoryBudget ?? MachineMemory.Bytes);
}
