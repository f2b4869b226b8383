using System.Diagnostics;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>One run of a graph, for one set of inputs or several together: segment by segment, and the graphs inside of control flow likewise, these for one set after the other.</summary>
internal sealed class GraphRun
{
    private readonly PlanCache _plans;
    private readonly SessionState? _state;
    private readonly RunOptions? _options;
    private readonly CancellationToken _cancellationToken;
    private readonly ControlFlowRunner _controlFlow;
    private readonly SequenceRunner _sequences;

    /// <summary>Prepares a run.</summary>
    /// <param name="plans">Makes and keeps the plans of the segments.</param>
    /// <param name="state">The tensors that are carried from run to run; null for none.</param>
    /// <param name="options">What to report; null for nothing.</param>
    /// <param name="cancellationToken">Stops the run between two steps.</param>
    public GraphRun(PlanCache plans, SessionState? state, RunOptions? options, CancellationToken cancellationToken)
    {
        _state = state;
        _plans = plans;
        _options = options;
        _cancellationToken = cancellationToken;
        _controlFlow = new ControlFlowRunner(plans.Tensors, (body, values, leaves) => Run(body, [values], [.. body.Outputs], leaves)[0], cancellationToken);
        _sequences = new SequenceRunner(plans.Tensors, _ => true);
    }

    /// <summary>How long the steps took.</summary>
    public TimeSpan Duration { get; private set; }

    /// <summary>The bytes of weights that the steps asked for.</summary>
    public long WeightsBytesStreamed { get; private set; }

    /// <summary>Computes values of a graph for each of several sets of inputs. The caller becomes the owner of the results; <paramref name="sets"/> are let go.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="sets">The values that exist before it.</param>
    /// <param name="outputs">The values that are wanted.</param>
    /// <param name="leaves">For each of them, whether it leaves the run, and is made in managed memory therefore.</param>
    /// <returns>For each set, what is wanted.</returns>
    public LiveValue[][] Run(Graph graph, LiveValues[] sets, Value[] outputs, bool[] leaves) => RunFrom(graph, 0, sets, outputs, leaves);

    // Sets go together as long as they are planned for alike. Those whose shapes have become others, or whose constants have, go on by themselves.
    private LiveValue[][] RunFrom(Graph graph, int start, LiveValues[] sets, Value[] outputs, bool[] leaves)
    {
        HashSet<Value> wanted = [.. outputs];
        HashSet<Value> leaving = [.. outputs.Where((_, i) => ControlFlowRunner.Leaves(leaves, i))];
        do
        {
            int[] alike = [.. Enumerable.Range(0, sets.Length).Where(i => AreAlike(graph, start, sets[0], sets[i]))];
            if (alike.Length < sets.Length)
            {
                return RunApart(graph, start, sets, alike, outputs, leaves);
            }

            // Nodes of sequences stand beside each other often: there is nothing to plan between them.
            bool isStep = start == graph.Nodes.Count || !SequenceRunner.Runs(graph.Nodes[start], sets[0]);
            Segment? segment = isStep ? RunSegment(graph, start, sets, wanted, leaving) : null;
            start = segment?.End ?? start;
            if (segment?.EndsBeforeNode != false)
            {
                Node node = graph.Nodes[start++];
                foreach (LiveValues values in sets)
                {
                    RunNode(node, values, leaving, () => values.Release(value => IsNeeded(start, value)));
                }
            }

            foreach (LiveValues values in sets)
            {
                values.Release(value => IsNeeded(start, value));
            }
        }
        while (start < graph.Nodes.Count);

        LiveValue[][] made = Array.ConvertAll(sets, values => Array.ConvertAll(outputs, values.Take));
        Array.ForEach(sets, values => values.Release(_ => false));
        return made;

        bool IsNeeded(int from, Value value) => wanted.Contains(value) || graph.IsReadFrom(from, value);
    }

    private LiveValue[][] RunApart(Graph graph, int start, LiveValues[] sets, int[] alike, Value[] outputs, bool[] leaves)
    {
        LiveValue[][] made = new LiveValue[sets.Length][];
        foreach (int[] group in new[] { alike, [.. Enumerable.Range(0, sets.Length).Except(alike)] })
        {
            LiveValue[][] results = RunFrom(graph, start, Array.ConvertAll(group, i => sets[i]), outputs, leaves);
            for (int i = 0; i < group.Length; i++)
            {
                made[group[i]] = results[i];
            }
        }

        return made;
    }

    // Whether two sets have the same plan from a node on.
    private static bool AreAlike(Graph graph, int start, LiveValues left, LiveValues right)
    {
        if (ReferenceEquals(left, right))
        {
            return true;
        }

        if (start < graph.Nodes.Count && SequenceRunner.Runs(graph.Nodes[start], left) != SequenceRunner.Runs(graph.Nodes[start], right))
        {
            return false;
        }

        Dictionary<Value, (TensorType Type, Constant? Constant)> known = Known(graph, start, left);
        return PlannedSegment.AreAlike(known, Known(graph, start, right));
    }

    private static Dictionary<Value, (TensorType Type, Constant? Constant)> Known(Graph graph, int start, LiveValues values)
    {
        Dictionary<Value, (TensorType, Constant?)> known = [];
        foreach (Value value in values.All.Where(value => graph.IsReadFrom(start, value)))
        {
            if (values.TryGetKnown(value, out (TensorType, Constant?) type))
            {
                known.Add(value, type);
            }
        }

        return known;
    }

    private void RunNode(Node node, LiveValues values, HashSet<Value> leaving, Action taken)
    {
        _plans.CheckReads(node, values);
        bool[] leavingOutputs = Array.ConvertAll(node.Outputs, output => output is not null && leaving.Contains(output));
        LiveValue[] results = SequenceRunner.Runs(node, values)
            ? [_sequences.Run(node, values, ControlFlowRunner.Leaves(leavingOutputs, 0), taken)!]
            : _controlFlow.Run(node, values, leavingOutputs, taken);
        for (int i = 0; i < results.Length; i++)
        {
            if (i < node.Outputs.Length && node.Outputs[i] is { } output)
            {
                values.Set(output, results[i]);
            }
            else
            {
                results[i].Release();
            }
        }
    }

    private Segment RunSegment(Graph graph, int start, LiveValues[] sets, HashSet<Value> wanted, HashSet<Value> leaving)
    {
        PlannedSegment planned = _plans.Get(graph, start, Known(graph, start, sets[0]), wanted);
        Segment segment = planned.Segment;
        ArrangeState(planned.Growth, sets[0]);
        if (segment.End > start || segment.Needed is null)
        {
            RunPlan(graph, planned, sets, wanted, leaving);
        }

        foreach (LiveValues values in sets)
        {
            foreach ((Value value, Constant constant) in segment.Constants)
            {
                values.Constants[value] = constant;
            }

            // The next node cannot be planned before the content of this value is known, and it is known now.
            if (segment.Needed is { } needed && (values.FindTensor(needed) is not { } content || !values.Constants.TryAdd(needed, Constant.FromData(content.Type, content.Bytes.ToArray()))))
            {
                throw new InvalidGraphException($"The graph cannot be planned: the content of '{needed.Name}' is needed and not known.");
            }
        }

        return segment;
    }

    // A tensor of the state may lie in another block afterwards.
    private void ArrangeState(StateGrowth? growth, LiveValues values)
    {
        if (_state is null)
        {
            return;
        }

        _state.Arrange(layout => growth?.Extends(layout) == true);
        foreach ((Value input, LiveTensor tensor) in _state.Current)
        {
            if (values.Find(input) is not null)
            {
                values.Set(input, tensor);
            }
        }
    }

    private void RunPlan(Graph graph, PlannedSegment planned, LiveValues[] sets, HashSet<Value> wanted, HashSet<Value> leaving)
    {
        Segment segment = planned.Segment;

        // Inputs that nobody reads later are free once they are in the arena, before there are outputs.
        long outputBytes = segment.Outputs.Zip(planned.Plan.Outputs).Where(pair => !leaving.Contains(pair.First)).Sum(pair => pair.Second.Type.ByteLength);
        Executor executor = _plans.Open(planned, Math.Max(0, sets.Sum(values => outputBytes - values.BytesToRelease(IsNeeded))), sets.Length);
        try
        {
            long begin = Stopwatch.GetTimestamp();
            ExecutorSet[] given = Array.ConvertAll(sets, values => new ExecutorSet(
                [.. segment.Inputs.Select(value => values.FindTensor(value)!)], () => values.Release(IsNeeded), (i, type) => TakeOutput(segment.Outputs[i], type)));
            LiveTensor[][] results = executor.Run(given, _options?.Progress, _options?.Trace, _cancellationToken);
            Duration += Stopwatch.GetElapsedTime(begin);
            WeightsBytesStreamed += executor.WeightsBytesStreamed;
            for (int set = 0; set < sets.Length; set++)
            {
                for (int i = 0; i < results[set].Length; i++)
                {
                    sets[set].Set(segment.Outputs[i], results[set][i]);
                }
            }
        }
        finally
        {
            _plans.EndOpen();
        }

        bool IsNeeded(Value value) => wanted.Contains(value) || graph.IsReadFrom(segment.End, value);

        LiveTensor TakeOutput(Value value, TensorType type) => _state?.TakeOutput(value, type) ?? (leaving.Contains(value) ? _plans.Tensors.TakeOutput(type) : _plans.Tensors.Take(type));
    }
}
