using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Rewrites;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Sessions;

/// <summary>Plans all of a model before it runs: each segment, both branches of every If, the body of every Loop and Scan.</summary>
/// <remarks>
/// <para>
/// It goes the way of a run (<see cref="GraphRun"/>, <see cref="ControlFlowRunner"/>), with tensors that are only counted, and finds the moment
/// that needs most memory: the tensors that are live then, and the plan that is made or runs. Other plans may be given up at any moment.
/// </para>
/// <para>
/// Where a shape depends on data, the largest that it can have stands for it. Where there is none, or the content of a tensor decides
/// on shapes, planning ends: what follows is listed with the reason.
/// </para>
/// </remarks>
internal sealed class SessionPlan
{
    // A body that is given tensors of more different shapes is not planned for all of them.
    private const int MostWalks = 8;

    private readonly PlanCache _plans;
    private readonly WeightsProvider _weights;
    private readonly long? _budget;
    private readonly int _sets;
    private readonly long _stateBytes;
    private readonly List<PlanPart> _parts = [];
    private readonly HashSet<WeightRange> _ranges = [];

    // Constants that are only bounds, and values of which nothing is known, with the reason.
    private readonly Dictionary<Value, string> _bounds = [];
    private readonly Dictionary<Value, string> _unknown = [];

    // Of these, the inputs that are sequences: no step reads them, so what stands before the first node that does is planned.
    private readonly HashSet<Value> _unknownSequences = [];
    private long _mostBytes;
    private long _mostTensorBytes;
    private string? _storePath;

    private SessionPlan(PlanCache plans, WeightsProvider weights, long? budget, int sets, long stateBytes)
    {
        _plans = plans;
        _weights = weights;
        _budget = budget;
        _sets = sets;
        _stateBytes = stateBytes;
    }

    // A provider that keeps weights keeps those of all parts.
    private long WeightsHeld => _weights.HoldsWeights ? _ranges.Sum(RamWeightsProvider.HeldBytes) : 0;

    /// <summary>Plans a model.</summary>
    /// <param name="plans">Makes the plans, and keeps those that a run will use.</param>
    /// <param name="weights">Where weights come from.</param>
    /// <param name="budget">The budget of the session; null for none.</param>
    /// <param name="graph">The model's graph.</param>
    /// <param name="inputs">The types of its inputs. Of those that are sequences, and are not given, nothing is known; optional ones that are not given have no content.</param>
    /// <param name="outputs">The values that a run returns.</param>
    /// <param name="stateBytes">The bytes of the tensors that are carried from run to run.</param>
    /// <param name="sets">The sets of such inputs that are run together. Tensors and arenas are those of all; graphs of control flow, which run for one set at a time, are counted so, too.</param>
    /// <exception cref="InvalidGraphException">The first part cannot work on inputs of these types.</exception>
    /// <exception cref="UnsupportedOperatorException">The first part has a variant of an operator that is not supported.</exception>
    public static PlanSummary Make(PlanCache plans, WeightsProvider weights, long? budget, Graph graph, InputTypes inputs, Value[] outputs, long stateBytes = 0, int sets = 1)
    {
        SessionPlan plan = new(plans, weights, budget, sets, stateBytes);
        TensorLedger tensors = new(stateBytes, plan.RecordTensors);
        plan.RecordTensors(stateBytes);
        LiveValues values = new(weights.ReadRange, tensors);
        foreach (Value input in graph.Inputs.Concat(graph.OptionalInputs))
        {
            if (inputs.Tensors.TryGetValue(input.Name, out TensorType type))
            {
                values.Set(input, new LiveTensor(plans.Stored(input, type)));
            }
            else if (inputs.Sequences.TryGetValue(input.Name, out (ElementType Type, TensorType[] Tensors) sequence))
            {
                values.Set(input, new LiveSequence(sequence.Type, [.. sequence.Tensors.Select(tensor => new LiveTensor(tensor))]));
            }
            else if (input.Declared is { IsSequence: true } && !inputs.IsComplete)
            {
                plan._unknownSequences.Add(input);
                plan._unknown[input] = $"the input '{input.Name}' is a sequence, of which a plan knows nothing";
            }
            else if (input.Declared is { IsOptional: true })
            {
                values.Set(input, new LiveNothing());
            }
        }

        LiveValue?[] results = plan.Walk(graph, values, outputs, Array.ConvertAll(outputs, _ => true), "", tensors);
        return plan.Summarize() with { OutputBytes = results.Sum(result => result?.Tensors.Sum(tensor => tensor.Type.ByteLength) ?? 0) };
    }

    private PlanSummary Summarize()
    {
        PlanPart[] known = [.. _parts.Where(part => part.Unknown is null)];
        return new PlanSummary(
            [.. known.SelectMany(part => part.Steps)],
            known.Sum(part => part.ArenaBytes),
            known.Sum(part => part.ConstantBytes),
            known.Sum(part => part.OperatorBytes),
            known.Sum(part => part.WeightBufferBytes),
            _weights.HoldsWeights ? WeightsHeld : WindowBytes(known),
            _mostBytes + WeightsHeld)
        {
            Parts = _parts,
            Sets = _sets,
            TensorBytes = _mostTensorBytes,
            BudgetBytes = _budget,
            PanelStorePath = _storePath,
            KeptPanelBytes = _plans.KeptPanelBytes,
        };
    }

    // Parts that stay open from run to run have a window each; a budget has them closed where it lacks the room.
    private long WindowBytes(PlanPart[] parts) => _budget is null ? parts.Sum(part => part.WindowBytes) : parts.Select(part => part.WindowBytes).DefaultIfEmpty().Max();

    // The values that are not known in the end are null.
    private LiveValue?[] Walk(Graph graph, LiveValues values, Value[] outputs, bool[] leaves, string where, TensorLedger tensors)
    {
        HashSet<Value> wanted = [.. outputs];
        HashSet<Value> leaving = [.. outputs.Where((_, i) => ControlFlowRunner.Leaves(leaves, i))];
        int start = 0;
        do
        {
            if (_unknown.Where(pair => !_unknownSequences.Contains(pair.Key) && graph.IsReadFrom(start, pair.Key)).Select(pair => pair.Value).FirstOrDefault() is { } reason)
            {
                AddUnknown(graph, where, start, reason);
                break;
            }

            // As in a run (GraphRun).
            bool isStep = start == graph.Nodes.Count || !SequenceRunner.Runs(graph.Nodes[start], values);
            Segment? segment = isStep ? WalkSegment(graph, start, values, wanted, leaving, where, tensors) : null;
            if (isStep && segment is null)
            {
                break;
            }

            start = segment?.End ?? start;
            if (segment?.EndsBeforeNode != false)
            {
                Node node = graph.Nodes[start++];
                if (node.Dependencies().FirstOrDefault(_unknownSequences.Contains) is { } sequence)
                {
                    AddUnknown(graph, where, start - 1, _unknown[sequence]);
                    break;
                }

                try
                {
                    WalkNode(node, values, Array.ConvertAll(node.Outputs, output => output is not null && leaving.Contains(output)), value => IsNeeded(start, value), $"{where}{node}", tensors);
                }
                catch (Exception exception) when (exception is InvalidGraphException or InvalidInputException)
                {
                    AddUnknown(graph, where, start - 1, exception.Message);
                    break;
                }
            }

            values.Release(value => IsNeeded(start, value));
        }
        while (start < graph.Nodes.Count);

        LiveValue?[] results = Array.ConvertAll(outputs, output => values.Find(output) is not null || values.Constants.ContainsKey(output) || output.Constant is not null ? values.Take(output) : null);
        values.Release(_ => false);
        return results;

        bool IsNeeded(int from, Value value) => wanted.Contains(value) || graph.IsReadFrom(from, value);
    }

    // The segment from a node on; null where nothing is known of what follows it.
    private Segment? WalkSegment(Graph graph, int start, LiveValues values, HashSet<Value> wanted, HashSet<Value> leaving, string where, TensorLedger tensors)
    {
        Dictionary<Value, (TensorType, Constant?)> known = [];
        string? bound = null;
        foreach (Value value in values.All.Where(value => graph.IsReadFrom(start, value)))
        {
            if (values.TryGetKnown(value, out (TensorType, Constant?) type))
            {
                known.Add(value, type);
                bound ??= values.Constants.ContainsKey(value) ? _bounds.GetValueOrDefault(value) : values.FindTensor(value)!.Bound;
            }
        }

        PlannedSegment planned;
        try
        {
            planned = bound is null ? _plans.Get(graph, start, known, wanted) : _plans.Measure(graph, start, known, wanted);
        }
        catch (Exception exception) when (exception is InvalidGraphException or UnsupportedOperatorException && _parts.Count > 0)
        {
            AddUnknown(graph, where, start, exception.Message);
            return null;
        }

        using PlannedSegment? measured = bound is null ? null : planned;
        Segment segment = planned.Segment;
        if (segment.End > start || segment.Needed is null)
        {
            long outputBytes = segment.Outputs.Zip(planned.Plan.Outputs).Where(pair => !leaving.Contains(pair.First)).Sum(pair => pair.Second.Type.ByteLength);
            long tensorBytes = tensors.LiveBytes + Math.Max(0, outputBytes - values.BytesToRelease(IsNeeded));
            AddPart(graph, where, planned, tensorBytes, bound);
            values.Release(IsNeeded);
            for (int i = 0; i < segment.Outputs.Count; i++)
            {
                Value output = segment.Outputs[i];
                TensorType type = planned.Plan.Outputs[i].Type;
                LiveTensor tensor = leaving.Contains(output) ? tensors.TakeOutput(type) : tensors.Take(type);
                tensor.Bound = segment.EndsDynamic && graph.Nodes[segment.End - 1].Outputs.Contains(output) ? $"{graph.Nodes[segment.End - 1]} finds out the shape of '{output.Name}', at most {type.Shape}" : bound;
                values.Set(output, tensor);
            }
        }

        foreach ((Value value, Constant constant) in segment.Constants)
        {
            values.Constants[value] = constant;
            if (bound is not null)
            {
                _bounds[value] = bound;
            }
        }

        _plans.Trim();
        if (segment.Needed is { } needed)
        {
            AddUnknown(graph, where, segment.End, $"the content of '{needed.Name}' is computed, and decides on shapes");
            return null;
        }

        return segment;

        bool IsNeeded(Value value) => wanted.Contains(value) || graph.IsReadFrom(segment.End, value);
    }

    private void WalkNode(Node node, LiveValues values, bool[] leaves, Func<Value, bool> isNeeded, string where, TensorLedger tensors)
    {
        _plans.CheckReads(node, values);
        if (SequenceRunner.Runs(node, values))
        {
            WalkSequence(node, values, ControlFlowRunner.Leaves(leaves, 0), isNeeded, tensors);
            return;
        }

        switch (node.OperatorType)
        {
            case "If":
                WalkIf(node, values, leaves, isNeeded, where, tensors);
                break;
            case "Loop":
                WalkLoop(node, values, leaves, isNeeded, where, tensors);
                break;
            case "Scan" when node.OperatorSet >= 9:
                WalkScan(node, values, leaves, isNeeded, where, tensors);
                break;
            case "SequenceMap":
                WalkMap(node, values, isNeeded, where, tensors);
                break;
            default:
                SetUnknown(node, $"{node} scans sequences whose lengths are data");
                break;
        }
    }

    // The tensors of a sequence are known wherever those are that it is made of. What decides which of them are meant may not be.
    private void WalkSequence(Node node, LiveValues values, bool leaves, Func<Value, bool> isNeeded, TensorLedger tensors)
    {
        LiveValue? result = new SequenceRunner(tensors, value => !_bounds.ContainsKey(value)).Run(node, values, leaves, () => values.Release(isNeeded));
        Value? output = node.Outputs.FirstOrDefault();
        if (output is not null && result is not null)
        {
            values.Set(output, result);
        }
        else if (output is not null)
        {
            SetUnknown(node, $"the positions or lengths that {node} is given are data");
        }
        else
        {
            result?.Release();
        }
    }

    // The body is walked once for each combination of types.
    private void WalkMap(Node node, LiveValues values, Func<Value, bool> isNeeded, string where, TensorLedger tensors)
    {
        Graph body = ControlFlowRunner.MapBody(node);
        LiveValue[] inputs = [.. Enumerable.Range(0, node.Inputs.Length).Select(i => SequenceRunner.Input(node, i, values))];
        int count = ControlFlowRunner.MapLength(node, inputs);
        LiveValues captured = values.CapturedBy(body);
        values.Release(isNeeded);
        List<(LiveTensor[] Inputs, LiveTensor[] Results)> walked = [];
        List<LiveTensor>[] made = [.. body.Outputs.Select(_ => new List<LiveTensor>())];
        for (int i = 0; i < count; i++)
        {
            LiveTensor[] given = [.. inputs.Select(input => input is LiveSequence sequence ? sequence.Tensors[i] : (LiveTensor)input)];
            int known = walked.FindIndex(other => other.Inputs.Zip(given).All(pair => pair.First.IsLike(pair.Second)));
            LiveTensor[]? results = known >= 0 ? Array.ConvertAll(walked[known].Results, result => Same(result)) :
                walked.Count < MostWalks && TryWalk(given, i) is { } found ? found : null;
            if (results is null)
            {
                SetUnknown(node, $"what the body of {node} makes is not known, or in too many shapes");
                break;
            }

            if (known < 0)
            {
                walked.Add((given, results));
            }

            for (int output = 0; output < made.Length; output++)
            {
                made[output].Add(results[output]);
            }
        }

        captured.Release(_ => false);
        Array.ForEach(inputs, input => input.Release());
        for (int i = 0; i < node.Outputs.Length && i < made.Length; i++)
        {
            LiveSequence sequence = new(made[i].FirstOrDefault()?.ElementType ?? body.Outputs[i].Declared?.ElementType ?? ElementType.Undefined, made[i]);
            if (node.Outputs[i] is { } output && !_unknown.ContainsKey(output))
            {
                values.Set(output, sequence);
            }
            else
            {
                sequence.Release();
            }
        }

        LiveTensor Same(LiveTensor tensor)
        {
            LiveTensor same = tensors.Take(tensor.Type);
            same.Bound = tensor.Bound;
            return same;
        }

        LiveTensor[]? TryWalk(LiveTensor[] given, int place)
        {
            LiveValues inside = captured.Copy();
            for (int i = 0; i < given.Length; i++)
            {
                inside.Set(body.Inputs[i], given[i].Retain());
            }

            LiveValue?[] results = Walk(body, inside, [.. body.Outputs], [], $"{where}, body for tensor {place}: ", tensors);
            return results.Contains(null) ? null : [.. results.Select((result, output) => ControlFlowRunner.MapResult(node, output, made[output].FirstOrDefault(), result!))];
        }
    }

    private void WalkIf(Node node, LiveValues values, bool[] leaves, Func<Value, bool> isNeeded, string where, TensorLedger tensors)
    {
        bool? known = node.Inputs is [{ } condition, ..] && !_bounds.ContainsKey(condition) && values.Constants.TryGetValue(condition, out Constant? constant) && constant.Data is { } data
            ? ControlFlow.IsTrue(node, constant.Type, data) : null;
        List<LiveValue?[]> results = [];
        foreach (bool isTrue in known is { } one ? [one] : new[] { true, false })
        {
            // Only one of the branches runs: the other one starts from the same tensors.
            Graph branch = ControlFlow.Branch(node, isTrue);
            TensorLedger fork = tensors.Fork();
            LiveValues around = values.Fork(fork);
            LiveValues captured = around.CapturedBy(branch);
            around.Release(isNeeded);
            results.Add(Walk(branch, captured, [.. branch.Outputs], leaves, $"{where}, {(isTrue ? "then_branch" : "else_branch")}: ", fork));
        }

        values.Release(isNeeded);
        for (int i = 0; i < node.Outputs.Length; i++)
        {
            if (node.Outputs[i] is { } output)
            {
                Set(output, [.. results.Select(tensors => i < tensors.Length ? tensors[i] : null)]);
            }
        }

        void Set(Value output, LiveValue?[] made)
        {
            if (made.Contains(null))
            {
                _unknown[output] = $"{node} makes '{output.Name}' in a branch that is not known";
                return;
            }

            LiveTensor?[] alternatives = Array.ConvertAll(made, value => value as LiveTensor);
            if (alternatives.Contains(null))
            {
                SetOther(output, made!);
                return;
            }

            TensorType type = alternatives[0]!.Type;
            string? bound = alternatives.Select(tensor => tensor!.Bound).FirstOrDefault(reason => reason is not null);
            if (alternatives.Any(tensor => tensor!.Type != type))
            {
                if (alternatives.Any(tensor => tensor!.ElementType != type.ElementType || tensor.Shape.Rank != type.Shape.Rank))
                {
                    _unknown[output] = $"the branches of {node} make '{output.Name}' in shapes of different ranks, or in different types";
                    return;
                }

                type = new TensorType(type.ElementType, new Shape([.. Enumerable.Range(0, type.Shape.Rank).Select(k => alternatives.Max(tensor => tensor!.Shape[k]))]));
                bound = $"the branches of {node} make '{output.Name}' in different shapes, at most {type.Shape}";
            }

            LiveTensor tensor = ControlFlowRunner.Leaves(leaves, Array.IndexOf(node.Outputs, output)) ? tensors.TakeOutput(type) : tensors.Take(type);
            tensor.Bound = bound;
            values.Set(output, tensor);
        }

        // A sequence, or an optional value without content.
        void SetOther(Value output, LiveValue[] alternatives)
        {
            if (alternatives.All(alternatives[0].IsLike))
            {
                values.Set(output, CopyOf(alternatives[0], tensors));
            }
            else
            {
                _unknown[output] = $"the branches of {node} make '{output.Name}' in different ways: {string.Join("; ", alternatives.Select(value => value.Description))}";
            }
        }
    }

    private void WalkLoop(Node node, LiveValues values, bool[] leaves, Func<Value, bool> isNeeded, string where, TensorLedger tensors)
    {
        (Graph body, int carriedCount, int collectedCount) = ControlFlowRunner.LoopBody(node);
        long? limit = node.Inputs.Length > 0 && node.Inputs[0] is { } count && !_bounds.ContainsKey(count) &&
            values.FindConstant(count) is { Data: { Length: sizeof(long) } data } ? Math.Max(0, BitConverter.ToInt64(data)) : null;
        LiveValue[] carried = [.. Enumerable.Range(2, carriedCount).Select(i => values.Take(Required(node, i)))];
        LiveTensor iteration = tensors.Take(new TensorType(ElementType.Int64, ControlFlowRunner.SingleShape(body.Inputs[0])));
        LiveTensor condition = tensors.Take(new TensorType(ElementType.Bool, ControlFlowRunner.SingleShape(body.Inputs[1])));
        LiveValues captured = values.CapturedBy(body);
        values.Release(isNeeded);
        WalkIterations(node, body, captured, [iteration, condition], carried, [], 1, limit, values, (type, i, length) => TensorSlices.StackType(type, 0, length), leaves, where, tensors);
    }

    private void WalkScan(Node node, LiveValues values, bool[] leaves, Func<Value, bool> isNeeded, string where, TensorLedger tensors)
    {
        (Graph body, int scannedCount) = ControlFlowRunner.ScanBody(node, node.Inputs.Length);
        LiveValue[] inputs = [.. Enumerable.Range(0, node.Inputs.Length).Select(i => values.Take(Required(node, i)))];
        int stateCount = inputs.Length - scannedCount;
        LiveTensor[] taken = [.. inputs.Skip(stateCount).Select((input, i) => input as LiveTensor ?? throw SequenceRunner.Unexpected(node, stateCount + i, input, "a tensor to scan"))];
        TensorType[] scanned = [.. taken.Select(input => input.Type)];
        long[] axes = ControlFlowRunner.ScanAxes(node, scanned);
        long length = ControlFlowRunner.ScanLength(node, scanned, axes);
        long[] outputAxes = ControlFlowRunner.Numbers(node, "scan_output_axes", body.Outputs.Count - stateCount);
        LiveValues captured = values.CapturedBy(body);
        values.Release(isNeeded);
        LiveTensor[] slices = [.. scanned.Select((type, i) => tensors.Take(TensorSlices.SliceType(type, (int)axes[i])))];
        for (int i = 0; i < scannedCount; i++)
        {
            slices[i].Bound = taken[i].Bound;
        }

        WalkIterations(
            node, body, captured, [], inputs[..stateCount], slices, 0, length, values,
            (type, i, count) => TensorSlices.StackType(type, (int)ControlFlowRunner.Axis(node, outputAxes[i], type.Shape.Rank + 1), count), leaves, where, tensors, taken);
    }

    // All iterations at once: those after the first one, which find tensors of their own instead of those around the node, need most.
    private void WalkIterations(
        Node node, Graph body, LiveValues captured, LiveTensor[] before, LiveValue[] carried, LiveTensor[] after, int firstResult, long? count, LiveValues values,
        Func<TensorType, int, long, TensorType> stack, bool[] leaves, string where, TensorLedger tensors, LiveTensor[]? scanned = null)
    {
        LiveValue[] inputs = [.. before, .. carried.Select(value => OwnValue(value, tensors)), .. after];
        LiveValues inside = captured.Copy();
        for (int i = 0; i < inputs.Length; i++)
        {
            inside.Set(body.Inputs[i], inputs[i]);
        }

        (long most, long mostTensors) = (_mostBytes, _mostTensorBytes);
        (_mostBytes, _mostTensorBytes) = (0, 0);
        LiveValue?[] results = Walk(body, inside, [.. body.Outputs], [], $"{where}, body: ", tensors);
        captured.Release(_ => false);
        Array.ForEach(scanned ?? [], tensor => tensor.Release());
        LiveValue?[] slices = results[(firstResult + carried.Length)..];
        long sliceBytes = slices.Sum(slice => slice?.NativeBytes ?? 0);
        long collectedBytes = count > 1 ? SaturatedProduct(count.Value - 1, sliceBytes) : 0;
        collectedBytes = ForAllSets(_stateBytes + collectedBytes) - _stateBytes;
        _mostBytes = Math.Max(most, _mostBytes + collectedBytes);
        _mostTensorBytes = Math.Max(mostTensors, _mostTensorBytes + collectedBytes);
        string? unknown = null;
        for (int i = 0; i < carried.Length; i++)
        {
            LiveValue? result = results[firstResult + i];
            if (result is null || !result.IsLike(carried[i]))
            {
                unknown ??= $"{(result is null or LiveTensor ? "the shape of" : "the sequence or optional value")} '{body.Outputs[firstResult + i].Name}', which {node} carries from one iteration to the next, changes";
            }
        }

        if (unknown is not null)
        {
            _parts.Add(PlanPart.NotKnown($"{where}, body", unknown));
        }

        Array.ForEach(results, result => result?.Release());
        for (int i = 0; i < node.Outputs.Length && firstResult + i < results.Length; i++)
        {
            if (node.Outputs[i] is not { } output)
            {
                continue;
            }

            LiveValue? result = results[firstResult + i];
            bool isCollected = i >= carried.Length;
            if (unknown is not null || result is null || (isCollected && (count is null || result is not LiveTensor)))
            {
                _unknown[output] = unknown ?? (result is null || (isCollected && result is not LiveTensor) ? $"what {node} makes is not known" : $"the number of iterations of {node} is not known, and '{output.Name}' grows with it");
                continue;
            }

            if (result is not LiveTensor made)
            {
                values.Set(output, CopyOf(result, tensors));
                continue;
            }

            if (isCollected && SaturatedProduct(count!.Value, made.Type.ByteLength) > Array.MaxLength)
            {
                _unknown[output] = $"'{output.Name}' would be larger than a tensor may be if {node} went through all of its {count:N0} iterations";
                continue;
            }

            TensorType type = isCollected ? stack(made.Type, i - carried.Length, count!.Value) : made.Type;

            // What is collected exists twice while it is put together.
            RecordTensors(tensors.LiveBytes + (isCollected ? type.ByteLength : 0) + SaturatedProduct(count ?? 1, sliceBytes));
            LiveTensor tensor = isCollected && ControlFlowRunner.Leaves(leaves, i) ? tensors.TakeOutput(type) : tensors.Take(type);
            tensor.Bound = made.Bound;
            values.Set(output, tensor);
        }
    }

    // In place of a value that somebody else has, too, one that is only the loop's.
    private static LiveValue OwnValue(LiveValue value, TensorLedger tensors)
    {
        value.Release();
        return CopyOf(value, tensors);
    }

    private static LiveValue CopyOf(LiveValue value, TensorLedger tensors)
    {
        List<LiveTensor> own = [];
        foreach (LiveTensor tensor in value.Tensors)
        {
            LiveTensor copy = tensors.Take(tensor.Type);
            copy.Bound = tensor.Bound;
            own.Add(copy);
        }

        return value switch
        {
            LiveTensor => own[0],
            LiveSequence sequence => new LiveSequence(sequence.ElementType, own),
            _ => new LiveNothing(),
        };
    }

    private static Value Required(Node node, int input) => node.Inputs[input] ?? throw new InvalidGraphException($"{node}: input {input} is missing.");

    private static long SaturatedProduct(long left, long right) => (long)Math.Min((double)left * right, long.MaxValue / 4);

    private void SetUnknown(Node node, string reason)
    {
        foreach (Value output in node.Outputs.OfType<Value>())
        {
            _unknown[output] = reason;
        }

        _parts.Add(PlanPart.NotKnown(node.ToString(), reason));
    }

    private void RecordTensors(long bytes)
    {
        bytes = ForAllSets(bytes);
        _mostTensorBytes = Math.Max(_mostTensorBytes, bytes);
        _mostBytes = Math.Max(_mostBytes, bytes);
    }

    // What a state takes is there once.
    private long ForAllSets(long tensorBytes) => _sets == 1 ? tensorBytes : _stateBytes + (long)Math.Min((double)_sets * (tensorBytes - _stateBytes), long.MaxValue / 4);

    private void AddUnknown(Graph graph, string where, int start, string reason)
    {
        if (start < graph.Nodes.Count)
        {
            _parts.Add(PlanPart.NotKnown($"{where}from {graph.Nodes[start]} on", reason));
        }
    }

    private void AddPart(Graph graph, string where, PlannedSegment planned, long tensorBytes, string? bound)
    {
        tensorBytes = ForAllSets(tensorBytes);
        _ranges.UnionWith(planned.Ranges);
        _storePath ??= planned.Panels.Store?.Path;
        _mostTensorBytes = Math.Max(_mostTensorBytes, tensorBytes);
        long weights = _weights.HoldsWeights ? planned.Ranges.Sum(RamWeightsProvider.HeldBytes) : 0;
        long bytes = tensorBytes + planned.SmallestBytes(_weights.HoldsWeights, _sets);
        _mostBytes = Math.Max(_mostBytes, bytes);
        (WeightMemory memory, long windowBytes) = planned.Executor is null ? _plans.FitWeights(planned, (_budget ?? long.MaxValue) - weights - tensorBytes, _sets) : (planned.Weights, planned.WindowBytes);
        long window = _weights.HoldsWeights ? weights : memory.HeldBytes(windowBytes);
        Segment segment = planned.Segment;
        string name = segment.End > segment.Start ? $"{where}{graph.Nodes[segment.Start]}{(segment.End > segment.Start + 1 ? $" to {graph.Nodes[segment.End - 1]}" : "")}" : $"{where}nothing";
        _parts.Add(planned.Plan.Summarize(name, memory.BufferBytes, window, tensorBytes, bytes + weights, _sets) with { Bound = bound });
    }
}
