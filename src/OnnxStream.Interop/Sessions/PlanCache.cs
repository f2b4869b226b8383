using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Native;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Planning;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Sessions;

/// <summary>Makes the plans of a session's graphs, keeps them for the next run, and keeps what the session holds inside of its budget.</summary>
/// <remarks>
/// What counts is what the session's account says. Where a plan or a tensor needs room, what is only kept to be used again goes, in this
/// order: blocks of tensors, packed weights, the memory with which plans run, plans, the one that was used least recently first.
/// </remarks>
internal sealed class PlanCache : IDisposable
{
    // For each part of each graph.
    private const int KeptPlans = 6;

    // A model whose state grows in a way that no plan can follow is planned for each extent. That is not found out again and again.
    private const int MostGrowthFailures = 2;

    // Of all parts together: each has memory and a thread of its own.
    private const int MostKeptPlans = 512;

    // Planning leaves about 50 KB for each.
    private const int FewestStepsToCollect = 100;

    private readonly SessionOptions _options;
    private readonly MemoryAccount _account;
    private readonly WorkerPool _workers;
    private readonly WeightsProvider _weights;
    private readonly ConstantEvaluator _evaluator;
    private readonly PanelPacker _packer;
    private readonly KeptPanels _kept;
    private readonly HashSet<Value> _stateInputs;
    private readonly HashSet<Value> _stateOutputs;
    private readonly StateLayout[] _growing;
    private readonly Dictionary<Value, StateLayout> _stored = [];
    private int _growthFailures;
    private PanelStore? _store;

    // The one that was used least recently first.
    private readonly List<PlannedSegment> _segments = [];
    private PlannedSegment? _running;

    /// <summary>Starts without plans.</summary>
    /// <param name="model">What is planned.</param>
    /// <param name="options">The budget, and how plans are made.</param>
    /// <param name="account">What the session holds.</param>
    /// <param name="workers">The threads that plans run on.</param>
    /// <param name="weights">Where weights come from.</param>
    /// <param name="states">The tensors of the model that stay in the session's memory from run to run.</param>
    public PlanCache(ModelContent model, SessionOptions options, MemoryAccount account, WorkerPool workers, WeightsProvider weights, IReadOnlyList<StateLayout> states)
    {
        _stateInputs = [.. states.Select(state => state.Input)];
        _stateOutputs = [.. states.Select(state => state.Output)];
        _growing = [.. states.Where(state => state.Axis is not null)];
        foreach (StateLayout state in states.Where(state => state.Format is not null))
        {
            (_stored[state.Input], _stored[state.Output]) = (state, state);
        }

        _options = options;
        _account = account;
        _workers = workers;
        _weights = weights;
        _evaluator = new ConstantEvaluator(weights);
        Tensors = new TensorPool(account, MakeRoom);
        _kept = new KeptPanels(options.KeptPanelBytes, account);
        _packer = new PanelPacker(options.PanelStore, model.Path, workers, weights, options.Logger);
        if (options.PanelStore.Formats is { } table)
        {
            ModelWeights.Check(table, model.Graph, model.Path);
        }

        if (options.PanelStore.IsEnabled && _packer.HasRoom(ModelWeights.LargestStoreBytes(model.Graph, options.PanelStore.Choice)))
        {
            _store = PanelStore.Open(options.PanelStore, model.Path, ModelWeights.Identity(model.Graph));
        }
    }

    /// <summary>The tensors between the parts of graphs.</summary>
    public TensorPool Tensors { get; }

    /// <summary>The bytes of packed weights that stay in memory from run to run.</summary>
    public long KeptPanelBytes => _kept.Bytes;

    /// <summary>How many plans have been made to be kept.</summary>
    public int PlansMade { get; private set; }

    /// <summary>The type that a tensor has in the state, for one that the model declares.</summary>
    public TensorType Stored(Value value, TensorType type) => _stored.TryGetValue(value, out StateLayout? layout) ? layout.Stored(type) : type;

    /// <summary>Throws if a node that is no step of a plan reads a tensor of the state that is not kept as the model has it.</summary>
    /// <exception cref="InvalidGraphException">It does.</exception>
    public void CheckReads(Node node, LiveValues values)
    {
        foreach (Value value in _stored.Count == 0 ? [] : node.Dependencies())
        {
            if (values.FindTensor(value) is { } tensor && StoredAs(value, tensor.Type) is { } stored)
            {
                throw new InvalidGraphException($"The state '{value.Name}' is kept as {stored.ToOnnxName()}, and {node} reads it, which is no step of a plan. Keep it in the type of the model.");
            }
        }
    }

    /// <summary>The plan for the nodes of a graph from <paramref name="start"/> on, as far as they can be planned at once.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="start">The first node.</param>
    /// <param name="known">The values that exist before it.</param>
    /// <param name="wanted">The values of the graph that are wanted in the end.</param>
    public PlannedSegment Get(Graph graph, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> wanted)
    {
        int index = _segments.FindIndex(segment => segment.Matches(graph, start, known));
        if (index < 0)
        {
            index = _segments.FindIndex(segment => segment.TryFollow(graph, start, known));
        }

        if (index >= 0)
        {
            PlannedSegment found = _segments[index];
            _segments.RemoveAt(index);
            _segments.Add(found);
            return found;
        }

        // The memory of a plan that is not used now would only be taken beside the new one's.
        if (_segments.Count(segment => segment.IsOf(graph, start)) == KeptPlans)
        {
            Evict(_segments.FindIndex(segment => segment.IsOf(graph, start)));
        }

        if (_segments.Count == MostKeptPlans)
        {
            Evict(0);
        }

        PlannedSegment planned = Plan(graph, start, known, wanted);
        _segments.Add(planned);
        PlansMade++;
        return planned;
    }

    /// <summary>As <see cref="Get"/>, for shapes that no run is expected to have: the plan is the caller's to dispose.</summary>
    public PlannedSegment Measure(Graph graph, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> wanted) => Plan(graph, start, known, wanted);

    /// <summary>Writes what the store lacks of all plans that are kept.</summary>
    /// <exception cref="IOException">A store that was asked for by path cannot be written.</exception>
    public void CompletePanelStore() => _segments.ToList().ForEach(CompletePanelStore);

    /// <summary>Gives up what is only kept until the budget is met, as far as that does it.</summary>
    public void Trim()
    {
        while (_account.LiveBytes > _options.MemoryBudget && TryGiveUp())
        {
        }
    }

    /// <summary>Makes a plan ready to run, with room for what it will hold.</summary>
    /// <param name="segment">One of the plans that are kept.</param>
    /// <param name="tensorBytes">The native memory that its outputs will take beyond what its inputs give back.</param>
    /// <param name="sets">The sets of inputs that it is to run for together.</param>
    /// <exception cref="MemoryBudgetException">The budget has no room for it.</exception>
    public Executor Open(PlannedSegment segment, long tensorBytes, int sets = 1)
    {
        _running = segment;
        try
        {
            CompletePanelStore(segment);
            (WeightMemory weights, long windowBytes) = ChooseMemory(segment, tensorBytes, sets);
            if (segment.Executor is null || segment.Weights != weights || segment.WindowBytes != windowBytes)
            {
                segment.Close();
                GiveBackGarbage(segment.Plan);
                segment.Executor = new Executor(segment.Plan, _workers, _weights, weights, windowBytes, sets);
                (segment.Weights, segment.WindowBytes) = (weights, windowBytes);
            }

            segment.Executor.Resize(sets);

            return segment.Executor;
        }
        catch
        {
            // It may hold more than the budget, and the name of a file that another plan can write.
            _running = null;
            _segments.Remove(segment);
            segment.Dispose();
            throw;
        }
    }

    /// <summary>Says that the plan that was opened last does not run any more.</summary>
    public void EndOpen() => _running = null;

    /// <summary>Gives up what is only kept until the budget has room for so many bytes more.</summary>
    /// <exception cref="MemoryBudgetException">It has none even so.</exception>
    public void MakeRoom(long bytes)
    {
        if (_options.MemoryBudget is not { } budget)
        {
            return;
        }

        while (_account.LiveBytes + _kept.PromisedBytes + bytes > budget)
        {
            if (!TryGiveUp())
            {
                throw new MemoryBudgetException(budget, _account.LiveBytes + bytes);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Tensors.Dispose();
        _kept.Dispose();
        _evaluator.Dispose();
        DisposeSegments();
    }

    // Where one throws, because a user's reader does, the others are let go all the same.
    private void DisposeSegments()
    {
        while (_segments.Count > 0)
        {
            try
            {
                Evict(_segments.Count - 1);
            }
            catch
            {
                DisposeSegments();
                throw;
            }
        }
    }

    // What is not kept to be used again stays.
    private bool TryGiveUp()
    {
        if (Tensors.TryShrink())
        {
            return true;
        }

        // Packed weights can be made again.
        if (_kept.Bytes > 0)
        {
            _kept.Clear();
            return true;
        }

        if (_segments.Find(segment => segment.Executor is not null && segment != _running) is { } idle)
        {
            idle.Close();
            return true;
        }

        int index = _segments.FindIndex(segment => segment != _running);
        if (index >= 0)
        {
            Evict(index);
        }

        return index >= 0;
    }

    private void Evict(int index)
    {
        PlannedSegment segment = _segments[index];
        _segments.RemoveAt(index);
        segment.Dispose();
    }

    // How much memory kernels take is known when they are made. They are made inside of the budget: first beside everything that is kept, then
    // beside nothing. What does not fit then is planned all the same, so that its error can say what would do.
    private PlannedSegment Plan(Graph graph, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> wanted)
    {
        if (_options.MemoryBudget is not { } budget)
        {
            return PlanOnce(graph, start, known, wanted);
        }

        for (int attempt = 0; attempt < 2; attempt++)
        {
            try
            {
                _account.Limit = budget;
                return PlanOnce(graph, start, known, wanted);
            }
            catch (NativeMemoryException)
            {
                while (TryGiveUp())
                {
                }
            }
            finally
            {
                _account.Limit = long.MaxValue;
            }
        }

        return PlanOnce(graph, start, known, wanted);
    }

    private PlannedSegment PlanOnce(Graph graph, int start, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyCollection<Value> wanted)
    {
        _evaluator.ResetPeak();

        // The graph computes with what the model declares.
        Dictionary<Value, (TensorType Type, Constant? Constant)> declared = known.ToDictionary(
            pair => pair.Key, pair => StoredAs(pair.Key, pair.Value.Type) is null ? pair.Value : (_stored[pair.Key].Declared(pair.Value.Type), pair.Value.Constant));
        Segment segment = Specializer.Specialize(graph, start, declared, wanted, _evaluator.Evaluate, _weights.ReadRange, isTraced: _growing.Length > 0);
        if (TryPlanGrowth(graph, known, declared, wanted, segment) is { } growing)
        {
            return growing;
        }

        if (_options.RewriteGraph)
        {
            Rewriter.Rewrite(segment.Graph, Activations);
        }

        Store(segment, known);
        return Complete(graph, known, segment, null);
    }

    // Puts in the graph what lies between it and tensors that are not kept as the model has them. Whether an output whose shape is found out in the run fits, is seen there.
    private StoredCaches Store(Segment segment, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known) => _stored.Count == 0 ? new StoredCaches([], []) : StoreCaches.Apply(
        segment.Graph, [.. segment.Inputs.Select(value => StoredAs(value, known[value].Type))],
        [.. segment.Outputs.Select(value => !segment.EndsDynamic && _stored.TryGetValue(value, out StateLayout? layout) ? layout.Format!.ElementType : (ElementType?)null)]);

    // The type of elements of a tensor of the state, if it is not that of the model.
    private ElementType? StoredAs(Value value, TensorType type) =>
        _stored.TryGetValue(value, out StateLayout? layout) && type.ElementType == layout.Format!.ElementType ? type.ElementType : null;

    private RowFormat? Activations => RowFormat.Asked(_options.ActivationElementType) is { IsSingle: false } format ? format : null;

    // One plan for every extent of the state that comes from here on. An empty state is planned as it is: a prompt is long and comes once.
    private PlannedSegment? TryPlanGrowth(
        Graph graph, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> declared, IReadOnlyCollection<Value> wanted, Segment actual)
    {
        if (_growing.Length == 0 || _growthFailures >= MostGrowthFailures || actual.Start > 0 || actual.End < graph.Nodes.Count || actual.EndsDynamic || actual.Needed is not null ||
            !_growing.All(layout => known.TryGetValue(layout.Input, out (TensorType Type, Constant?) input) && input.Type.Shape[layout.Axis!.Value] > 0) ||
            StateGrowth.FindLargest(_growing, actual, declared, shortened: false) is not { } largest || StateGrowth.FindLargest(_growing, actual, declared, shortened: true) is not { } shorter)
        {
            return null;
        }

        PlannedSegment? planned = null;
        try
        {
            Segment segment = Specialize(largest);
            if (GrowingPart.Find(segment, [actual, Specialize(shorter)], _evaluator.Evaluate, _weights.ReadRange) is { } part)
            {
                IReadOnlyList<Node> attentions = [];
                if (_options.RewriteGraph)
                {
                    Rewriter.RewriteAround(segment.Graph, Activations, new HashSet<Node>(part.PlannedNodes));
                    attentions = FuseCachedAttention.Apply(
                        segment.Graph, [.. _growing.Select(layout => new StateCache(segment.Values[layout.Input], segment.Values[layout.Output], layout.Axis!.Value, layout.Largest.Shape[layout.Axis.Value]))], part.Varies);
                    part.Rewritten(segment.Graph, attentions);
                }

                HashSet<Value> extended = [.. attentions.SelectMany(node => node.Outputs).OfType<Value>()];
                part.Rewritten(segment.Graph, Store(segment, known));
                StateGrowth growth = new(part, [.. largest.Where(pair => pair.Value.Type != shorter[pair.Key].Type || _growing.Any(layout => layout.Input == pair.Key)).Select(pair => new GrowingInput(
                    pair.Key, segment.Values[pair.Key], pair.Value.Type with { ElementType = known[pair.Key].Type.ElementType }, Array.Find(_growing, layout => layout.Input == pair.Key && extended.Contains(segment.Values[layout.Output]))))]);
                planned = Complete(graph, known, segment, growth);
                if (HasRoom(planned) && growth.TryFollow(planned.Plan, known) && ExtendsInPlace(planned))
                {
                    return planned;
                }
            }
        }
        catch (Exception exception) when (exception is InvalidGraphException or InvalidInputException or UnsupportedOperatorException or MemoryBudgetException or NativeMemoryException)
        {
        }
        catch
        {
            planned?.Dispose();
            throw;
        }

        // Whatever stands in the way, there is a plan for this extent.
        planned?.Dispose();
        _growthFailures++;
        return null;

        Segment Specialize(IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> types) => Specializer.Specialize(graph, 0, types, wanted, _evaluator.Evaluate, _weights.ReadRange, isTraced: true);
    }

    // What a plan extends must be the memory of the state, going in and coming out.
    private static bool ExtendsInPlace(PlannedSegment planned) => planned.Growth!.Inputs.Select(input => input.Extended).OfType<StateLayout>().All(layout =>
        IsExternal(planned.Segment.Inputs, layout.Input, planned.Plan.IsExternalInput) && IsExternal(planned.Segment.Outputs, layout.Output, planned.Plan.IsExternalOutput));

    private static bool IsExternal(IReadOnlyList<Value> values, Value value, Func<int, bool> isExternal) =>
        values.Select((other, i) => (other, i)).Where(pair => pair.other == value).All(pair => isExternal(pair.i));

    // Whether the budget could run the plan if everything that is only kept were given up.
    private bool HasRoom(PlannedSegment planned) =>
        _options.MemoryBudget is not { } budget ||
        _account.LiveBytes - planned.HeldBytes - _segments.Sum(segment => segment.HeldBytes) - _kept.Bytes + planned.SmallestBytes(_weights.HoldsWeights) + HeldWeights(planned) <= budget;

    private PlannedSegment Complete(Graph graph, IReadOnlyDictionary<Value, (TensorType Type, Constant? Constant)> known, Segment segment, StateGrowth? growth)
    {
        CheckOutputs(segment.Graph);
        long evaluatingBytes = _evaluator.PeakBytes;
        (ExecutionPlan plan, PanelSources panels) = PlanSegment(segment, growth);
        PlannedSegment planned = new(graph, known, segment, Math.Max(evaluatingBytes, plan.Account!.PeakBytes)) { Plan = plan, Panels = panels, Growth = growth };
        try
        {
            CheckMachine(planned);
            return planned;
        }
        catch
        {
            planned.Dispose();
            throw;
        }
    }

    private (ExecutionPlan Plan, PanelSources Panels) PlanSegment(Segment segment, StateGrowth? growth)
    {
        _store?.ForgetLost();
        PanelSources panels = new(_store, _kept, _options.PanelStore.Choice);
        ExecutionPlan plan;
        try
        {
            plan = Planner.Plan(segment.Graph, _workers, _weights.Traits, panels, MostTensorBytes, FindStates(segment), growth?.Part.PlannedNodes);
        }
        catch
        {
            panels.Release();
            throw;
        }

        // Within a budget, that is decided when the plan runs and its room is known. Panels hardly ever depend on shapes: a plan for other ones finds them.
        if (_options.MemoryBudget is null)
        {
            panels.Keep(long.MaxValue);
        }

        return (plan, panels);
    }

    // The tensors of a state are read and written where they are. Memory for an output cannot be taken before its shape is known. An output that is an input
    // of the plan may be anywhere: a caller's tensor, or what control flow has made.
    private HashSet<Value> FindStates(Segment segment)
    {
        HashSet<Value> states = [.. segment.Inputs.Zip(segment.Graph.Inputs).Where(pair => _stateInputs.Contains(pair.First)).Select(pair => pair.Second)];
        if (!segment.EndsDynamic)
        {
            states.UnionWith(segment.Outputs.Zip(segment.Graph.Outputs).Where(pair => _stateOutputs.Contains(pair.First)).Select(pair => pair.Second));
        }

        return states;
    }

    private long MostTensorBytes => _options.PlanOnly ? long.MaxValue : MachineMemory.Bytes;

    // What a run returns, or hands on to another part of the graph, has a span.
    private void CheckOutputs(Graph graph)
    {
        if (!_options.PlanOnly && graph.Outputs.Find(output => output.Type!.Value.ByteLength > Array.MaxLength) is { } large)
        {
            throw new InvalidGraphException($"The value '{large.Name}' ({large.Producer?.ToString() ?? "an input"}) would be {large.Type}, {large.Type!.Value.ByteLength:N0} bytes; a tensor that a run returns, or computes further shapes from, has at most {Array.MaxLength:N0}.");
        }
    }

    // A shape that a file declares costs nothing to write down. More than there is would not be refused by the system, which
    // gives memory before it has it, but end this process or another one later.
    private void CheckMachine(PlannedSegment planned)
    {
        long smallest = planned.SmallestBytes(_weights.HoldsWeights) + HeldWeights(planned);
        long needed = smallest + planned.Plan.Outputs.Sum(output => output.Type.ByteLength);
        if (_options.MemoryBudget is null && !_options.PlanOnly && needed > MachineMemory.Bytes)
        {
            throw new MemoryBudgetException(MachineMemory.Bytes, smallest, needed);
        }
    }

    // What a store lacks is written before the memory is reserved in which the plan runs. Another process may be writing the same: what it has
    // finished first is used, and only what is missing then is written.
    private void CompletePanelStore(PlannedSegment segment)
    {
        while (segment.Panels.Missing.Count > 0)
        {
            if (segment.Panels.IsOutdated)
            {
                PlanAgain(segment);
                continue;
            }

            long room = long.MaxValue;
            if (_options.MemoryBudget is { } budget)
            {
                segment.Close();
                MakeRoom(PanelPacker.SmallestBytes(segment.Panels));
                room = budget - _account.LiveBytes;
                GiveBackGarbage(segment.Plan);
            }

            switch (_packer.Write(segment.Panels, room))
            {
                case PackingOutcome.WrittenByOthers:
                    _store!.Refresh();
                    PlanAgain(segment);
                    break;
                case PackingOutcome.Refused:
                    // Nobody asked for the store by its path: the model runs without.
                    _store = null;
                    PlanAgain(segment);
                    return;
            }
        }
    }

    // Planning leaves tens of megabytes on the managed heap for a network of many steps, which a process with a budget must not hold beside the plan's
    // memory. A small plan is not worth the twentieth of a second that it takes to collect them.
    private void GiveBackGarbage(ExecutionPlan plan)
    {
        if (_options.MemoryBudget is not null && plan.Steps.Count >= FewestStepsToCollect)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }

    private void PlanAgain(PlannedSegment segment)
    {
        segment.Dispose();
        _segments.Remove(segment);
        segment.Growth?.Part.Restore();
        (segment.Plan, segment.Panels) = PlanSegment(segment.Segment, segment.Growth);
        segment.Follow();
        segment.MappingPays = null;
        _segments.Add(segment);
    }

    // The memory for weights, and how many bytes of them may be read ahead. What is only kept makes room for the least, not for more.
    private (WeightMemory Weights, long WindowBytes) ChooseMemory(PlannedSegment segment, long tensorBytes, int sets)
    {
        if (_options.MemoryBudget is not { } budget)
        {
            return (MappedIfItPays(segment), _weights.WindowBytes);
        }

        long smallest = segment.SmallestBytes(_weights.HoldsWeights, sets) + HeldWeights(segment) + tensorBytes;
        while (Others(segment) + smallest > budget)
        {
            if (!TryGiveUp())
            {
                throw new MemoryBudgetException(budget, Others(segment) + smallest);
            }
        }

        segment.Panels.Keep(budget - Others(segment) - smallest);
        return FitWeights(segment, budget - Others(segment) - HeldWeights(segment) - tensorBytes, sets);
    }

    /// <summary>The memory for weights with which a plan runs in so many bytes, and how many of them may be read ahead.</summary>
    /// <param name="segment">The plan.</param>
    /// <param name="bytes">The bytes.</param>
    /// <param name="sets">The sets of inputs that it is run for together.</param>
    public (WeightMemory Weights, long WindowBytes) FitWeights(PlannedSegment segment, long bytes, int sets)
    {
        ExecutionPlan plan = segment.Plan;
        long room = bytes - plan.NativeBytesFor(sets);
        if (_weights.HoldsWeights)
        {
            return (plan.ReadWeights, 0);
        }

        // Reading takes less memory than mapping, which comes in large pieces.
        long mapped = plan.MappedWeights.HeldBytes(_weights.WindowBytes) + plan.MappedWeights.BufferBytes - plan.ReadWeights.BufferBytes;
        return mapped <= room && MappedIfItPays(segment) is var weights ? (weights, _weights.WindowBytes) : (plan.ReadWeights, plan.ReadWeights.LargestWindow(_weights.WindowBytes, room));
    }

    // A store that is not there yet will be held in large pieces when it has been written.
    private WeightMemory MappedIfItPays(PlannedSegment segment)
    {
        ExecutionPlan plan = segment.Plan;
        if (plan.MappedWeights == plan.ReadWeights || segment.Panels.Missing.Count > 0)
        {
            return plan.MappedWeights;
        }

        segment.MappingPays ??= MappingTrial.Pays(plan.WeightSchedule);
        return segment.MappingPays == true ? plan.MappedWeights : plan.ReadWeights;
    }

    // What the session holds beside a plan.
    private long Others(PlannedSegment segment) => _account.LiveBytes - segment.HeldBytes + _kept.PromisedBytes;

    // The weights that a provider will keep for the plan, and does not yet for this session.
    private long HeldWeights(PlannedSegment segment) =>
        _weights.HoldsWeights ? segment.Ranges.Where(range => !_account.Shares(range)).Sum(RamWeightsProvider.HeldBytes) : 0;
}
