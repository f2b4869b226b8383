using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Sessions;

/// <summary>Runs the nodes whose attributes are graphs: If, Loop, Scan, SequenceMap. The graphs are planned and run like the main one.</summary>
/// <param name="memory">Where tensors come from.</param>
/// <param name="run">Runs a graph on the values that it is given, which it lets go, and returns its outputs in order, as many as are asked for in managed memory.</param>
/// <param name="cancellationToken">Stops between two iterations.</param>
internal sealed class ControlFlowRunner(ITensorMemory memory, Func<Graph, LiveValues, bool[], LiveValue[]> run, CancellationToken cancellationToken)
{
    /// <summary>The outputs of a node, as many as its operator has. The caller becomes their owner.</summary>
    /// <param name="node">The node.</param>
    /// <param name="values">The values that exist around it.</param>
    /// <param name="leaves">For each output of the node, whether it leaves the run.</param>
    /// <param name="taken">Called when the node has taken what it needs of the values: others may go.</param>
    /// <exception cref="InvalidGraphException">Its inputs, attributes and graphs contradict each other.</exception>
    public LiveValue[] Run(Node node, LiveValues values, bool[] leaves, Action taken)
    {
        LiveValue[] outputs = node.OperatorType switch
        {
            "If" => RunIf(node, values, leaves, taken),
            "Loop" => RunLoop(node, values, leaves, taken),
            "Scan" => node.OperatorSet < 9 ? RunBatchedScan(node, values, leaves, taken) : RunScan(node, values, leaves, taken),
            "SequenceMap" => RunSequenceMap(node, values, taken),
            _ => throw new InvalidGraphException($"{node}: the input '{node.Inputs.FirstOrDefault()?.Name}' is neither an input of the graph, nor a constant, nor made by a node before."),
        };
        return node.Outputs.Length <= outputs.Length ? outputs :
            throw new InvalidGraphException($"{node}: it has {node.Outputs.Length} outputs, but its graphs make {outputs.Length}.");
    }

    private LiveValue[] RunIf(Node node, LiveValues values, bool[] leaves, Action taken)
    {
        Graph branch = ControlFlow.Branch(node, IsTrue(node, Input(node, 0, values) ?? throw new InvalidGraphException($"{node}: the condition is missing.")));
        LiveValues captured = values.CapturedBy(branch);
        taken();
        return run(branch, captured, leaves);
    }

    private LiveValue[] RunLoop(Node node, LiveValues values, bool[] leaves, Action taken)
    {
        (Graph body, int carriedCount, int collectedCount) = LoopBody(node);
        long limit = Input(node, 0, values) is { } count ? Single(node, count) : long.MaxValue;
        bool goesOn = Input(node, 1, values) is not { } condition || IsTrue(node, condition);
        LiveValue[] carried = [.. Enumerable.Range(2, carriedCount).Select(i => SequenceRunner.Input(node, i, values))];
        List<LiveTensor>[] collected = [.. Enumerable.Range(0, collectedCount).Select(_ => new List<LiveTensor>())];
        LiveValues captured = values.CapturedBy(body);
        taken();
        for (long iteration = 0; iteration < limit && goesOn; iteration++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Kind[] before = Array.ConvertAll(carried, KindOf);
            LiveValue[] results = RunBody(body, captured, [SingleLike(body.Inputs[0], iteration), SingleLike(body.Inputs[1], goesOn), .. carried]);
            goesOn = IsTrue(node, results[0]);
            for (int i = 0; i < carriedCount; i++)
            {
                CheckKind(node, i, before[i], KindOf(results[i + 1]));
                carried[i] = results[i + 1];
            }

            for (int i = 0; i < collectedCount; i++)
            {
                Collect(node, i, collected[i], results[1 + carriedCount + i]);
            }
        }

        TensorType[] types = SliceTypes(
            node, body, captured, collected, () => [SingleLike(body.Inputs[0], 0L), SingleLike(body.Inputs[1], true), .. carried.Select(value => value.Retain())]);
        captured.Release(_ => false);
        return [.. carried, .. collected.Select((slices, i) => Stack(slices, types[i], 0, slices.Count, Leaves(leaves, carriedCount + i)))];
    }

    private LiveValue[] RunScan(Node node, LiveValues values, bool[] leaves, Action taken)
    {
        (Graph body, int scannedCount) = ScanBody(node, node.Inputs.Length);
        LiveValue[] inputs = [.. Enumerable.Range(0, node.Inputs.Length).Select(i => SequenceRunner.Input(node, i, values))];
        int stateCount = inputs.Length - scannedCount;
        LiveTensor[] scanned = [.. inputs.Skip(stateCount).Select((input, i) => input as LiveTensor ?? throw SequenceRunner.Unexpected(node, stateCount + i, input, "a tensor to scan"))];
        int collectedCount = body.Outputs.Count - stateCount;
        long[] inputAxes = ScanAxes(node, [.. scanned.Select(input => input.Type)]);
        long[] inputDirections = Numbers(node, "scan_input_directions", scannedCount);
        long[] outputAxes = Numbers(node, "scan_output_axes", collectedCount);
        long[] outputDirections = Numbers(node, "scan_output_directions", collectedCount);
        LiveValues captured = values.CapturedBy(body);
        taken();
        LiveValue[] outputs = Scan(node, body, captured, inputs[..stateCount], scanned, inputAxes, inputDirections, outputAxes, outputDirections, null, leaves);
        captured.Release(_ => false);
        return outputs;
    }

    // Opset 8 scans each element of a batch on its own, for lengths that may differ; what lies behind a shorter one is zero.
    private LiveValue[] RunBatchedScan(Node node, LiveValues values, bool[] leaves, Action taken)
    {
        (Graph body, int scannedCount) = ScanBody(node, node.Inputs.Length - 1);
        LiveTensor[] inputs = [.. Enumerable.Range(1, node.Inputs.Length - 1).Select(i => SequenceRunner.Tensor(node, i, values))];
        int stateCount = inputs.Length - scannedCount;
        long batch = inputs[0].Shape.Rank > 0 ? inputs[0].Shape[0] : 0;
        if (batch < 1 || inputs.Any(input => input.Shape.Rank < 1 || input.Shape[0] != batch))
        {
            throw new InvalidGraphException($"{node}: the first dimension of all inputs must be the size of the batch, at least 1.");
        }

        long[]? lengths = null;
        if (Input(node, 0, values) is { } given)
        {
            if (given.ElementType != ElementType.Int64)
            {
                throw new InvalidGraphException($"{node}: the sequence lengths are a {given.Type}, expected int64.");
            }

            lengths = MemoryMarshal.Cast<byte, long>(given.Bytes).ToArray();
            given.Release();
        }

        if (lengths is not null && lengths.Length != batch)
        {
            throw new InvalidGraphException($"{node}: there are {lengths.Length} sequence lengths for a batch of {batch}.");
        }

        LiveValues captured = values.CapturedBy(body);
        taken();
        List<LiveValue[]> results = [];
        for (int i = 0; i < batch; i++)
        {
            LiveTensor[] parts = [.. inputs.Select(input => Slice(input, 0, i))];
            results.Add(Scan(
                node, body, captured, parts[..stateCount], parts[stateCount..], new long[scannedCount], Numbers(node, "directions", scannedCount),
                new long[body.Outputs.Count - stateCount], new long[body.Outputs.Count - stateCount], lengths?[i], []));
        }

        captured.Release(_ => false);
        Array.ForEach(inputs, input => input.Release());
        return [.. Enumerable.Range(0, body.Outputs.Count).Select(i => Stack([.. results.Select(outputs => (LiveTensor)outputs[i])], ((LiveTensor)results[0][i]).Type, 0, batch, Leaves(leaves, i)))];
    }

    // Lets the states and the scanned tensors go.
    private LiveValue[] Scan(
        Node node, Graph body, LiveValues captured, LiveValue[] states, LiveTensor[] scanned, long[] inputAxes, long[] inputDirections, long[] outputAxes, long[] outputDirections, long? steps, bool[] leaves)
    {
        long length = ScanLength(node, [.. scanned.Select(tensor => tensor.Type)], inputAxes);
        if (steps < 0 || steps > length)
        {
            throw new InvalidGraphException($"{node}: a sequence of {steps} steps does not lie in an input of length {length}.");
        }

        LiveValue[] carried = [.. states];
        List<LiveTensor>[] collected = [.. Enumerable.Range(0, body.Outputs.Count - states.Length).Select(_ => new List<LiveTensor>())];
        for (long step = 0; step < (steps ?? length); step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LiveTensor[] slices = [.. scanned.Select((tensor, i) => Slice(tensor, (int)inputAxes[i], inputDirections[i] == 0 ? step : length - 1 - step))];
            Kind[] before = Array.ConvertAll(carried, KindOf);
            LiveValue[] results = RunBody(body, captured, [.. carried, .. slices]);
            for (int i = 0; i < carried.Length; i++)
            {
                CheckKind(node, i, before[i], KindOf(results[i]));
                carried[i] = results[i];
            }

            for (int i = 0; i < collected.Length; i++)
            {
                Collect(node, i, collected[i], results[carried.Length + i]);
            }
        }

        TensorType[] types = SliceTypes(node, body, captured, collected, () => [.. carried.Select(value => value.Retain()), .. scanned.Select((tensor, i) => Zeros(TensorSlices.SliceType(tensor.Type, (int)inputAxes[i])))]);
        Array.ForEach(scanned, tensor => tensor.Release());
        List<LiveValue> outputs = [.. carried];
        for (int i = 0; i < collected.Length; i++)
        {
            TensorType type = types[i];
            if (outputDirections[i] != 0)
            {
                collected[i].Reverse();
            }

            outputs.Add(Stack(collected[i], type, (int)Axis(node, outputAxes[i], type.Shape.Rank + 1), length, Leaves(leaves, carried.Length + i)));
        }

        return [.. outputs];
    }

    // The body runs once for each tensor of the first input, and takes those at the same place of the other inputs that are sequences.
    private LiveValue[] RunSequenceMap(Node node, LiveValues values, Action taken)
    {
        Graph body = MapBody(node);
        LiveValue[] inputs = [.. Enumerable.Range(0, node.Inputs.Length).Select(i => SequenceRunner.Input(node, i, values))];
        int count = MapLength(node, inputs);
        LiveValues captured = values.CapturedBy(body);
        taken();
        List<LiveTensor>[] results = [.. body.Outputs.Select(_ => new List<LiveTensor>())];
        for (int i = 0; i < count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            LiveValue[] made = RunBody(body, captured, [.. inputs.Select(input => (input is LiveSequence sequence ? sequence.Tensors[i] : input).Retain())]);
            for (int output = 0; output < results.Length; output++)
            {
                results[output].Add(MapResult(node, output, results[output].FirstOrDefault(), made[output]));
            }
        }

        captured.Release(_ => false);
        Array.ForEach(inputs, input => input.Release());
        return [.. results.Select((tensors, i) => new LiveSequence(tensors.Count > 0 ? tensors[0].ElementType : body.Outputs[i].Declared?.ElementType ?? ElementType.Undefined, tensors))];
    }

    /// <summary>The body of a SequenceMap.</summary>
    /// <exception cref="InvalidGraphException">It does not fit the node.</exception>
    public static Graph MapBody(Node node)
    {
        Graph body = ControlFlow.Body(node, "body");
        return node.Inputs.Length > 0 && body.Inputs.Count == node.Inputs.Length ? body :
            throw new InvalidGraphException($"{node}: it has {node.Inputs.Length} inputs, and its body {body.Inputs.Count}.");
    }

    /// <summary>How often the body of a SequenceMap runs.</summary>
    /// <exception cref="InvalidGraphException">The first input is no sequence.</exception>
    /// <exception cref="InvalidInputException">The sequences have different lengths.</exception>
    public static int MapLength(Node node, LiveValue[] inputs)
    {
        LiveSequence first = inputs[0] as LiveSequence ?? throw SequenceRunner.Unexpected(node, 0, inputs[0], "a sequence");
        int other = Array.FindIndex(inputs, input => input is LiveNothing || (input is LiveSequence sequence && sequence.Count != first.Count));
        return other < 0 ? first.Count : throw new InvalidInputException($"{node}: input {other} ('{node.Inputs[other]!.Name}') is {inputs[other].Description}; input 0 has {first.Count:N0} tensors.");
    }

    /// <summary>What the body of a SequenceMap makes, which must be a tensor of the same element type each time.</summary>
    /// <exception cref="InvalidGraphException">It is not.</exception>
    public static LiveTensor MapResult(Node node, int output, LiveTensor? first, LiveValue made) =>
        made is LiveTensor tensor && (first is null || first.ElementType == tensor.ElementType) ? tensor :
        throw new InvalidGraphException($"{node}: the output {output} of the body is {made.Description}, expected a tensor{(first is null ? "" : $" of {first.ElementType.ToOnnxName()} as before")}.");

    // The body becomes the owner of its inputs.
    private LiveValue[] RunBody(Graph body, LiveValues captured, LiveValue[] inputs)
    {
        LiveValues values = captured.Copy();
        for (int i = 0; i < inputs.Length; i++)
        {
            values.Set(body.Inputs[i], inputs[i]);
        }

        return run(body, values, []);
    }

    private LiveTensor Slice(LiveTensor tensor, int axis, long position)
    {
        LiveTensor slice = memory.Take(TensorSlices.SliceType(tensor.Type, axis));
        TensorSlices.Take(tensor, axis, position, slice);
        return slice;
    }

    // Lets the slices go.
    private LiveTensor Stack(List<LiveTensor> slices, TensorType type, int axis, long length, bool leaves)
    {
        TensorType stackType = TensorSlices.StackType(type, axis, length);
        LiveTensor stack = leaves ? memory.TakeOutput(stackType) : memory.Take(stackType);
        TensorSlices.Stack(slices, type, axis, stack);
        slices.ForEach(slice => slice.Release());
        return stack;
    }

    /// <summary>Whether an output leaves the run; of those that a node does not have, none does.</summary>
    public static bool Leaves(bool[] leaves, int output) => output < leaves.Length && leaves[output];

    /// <summary>The body of a Loop, and how many values it carries from one iteration to the next, and collects.</summary>
    /// <exception cref="InvalidGraphException">They do not fit together.</exception>
    public static (Graph Body, int CarriedCount, int CollectedCount) LoopBody(Node node)
    {
        Graph body = ControlFlow.Body(node, "body");
        int carriedCount = Math.Max(0, node.Inputs.Length - 2);
        int collectedCount = body.Outputs.Count - 1 - carriedCount;
        return body.Inputs.Count == carriedCount + 2 && collectedCount >= 0 ? (body, carriedCount, collectedCount) :
            throw new InvalidGraphException($"{node}: the body has {body.Inputs.Count} inputs and {body.Outputs.Count} outputs; for {carriedCount} carried values it must have {carriedCount + 2} and at least {carriedCount + 1}.");
    }

    /// <summary>The body of a Scan, and how many of its inputs are scanned: the last ones.</summary>
    /// <param name="node">The node.</param>
    /// <param name="inputCount">How many inputs of the node are the body's.</param>
    /// <exception cref="InvalidGraphException">They do not fit together.</exception>
    public static (Graph Body, int ScannedCount) ScanBody(Node node, int inputCount)
    {
        Graph body = ControlFlow.Body(node, "body");
        long scannedCount = node.Attributes.Int("num_scan_inputs", 0);
        return scannedCount >= 1 && scannedCount <= inputCount && body.Inputs.Count == inputCount && body.Outputs.Count >= inputCount - scannedCount ? (body, (int)scannedCount) :
            throw new InvalidGraphException($"{node}: {scannedCount} of {inputCount} inputs are scanned, and the body has {body.Inputs.Count} inputs and {body.Outputs.Count} outputs, which do not fit together.");
    }

    /// <summary>The axes along which a Scan takes its inputs apart.</summary>
    /// <exception cref="InvalidGraphException">They are not axes of the inputs.</exception>
    public static long[] ScanAxes(Node node, TensorType[] scanned)
    {
        long[] axes = Numbers(node, "scan_input_axes", scanned.Length);
        return [.. axes.Select((axis, i) => Axis(node, axis, scanned[i].Shape.Rank))];
    }

    /// <summary>The number of iterations of a Scan.</summary>
    /// <exception cref="InvalidGraphException">The inputs do not agree.</exception>
    public static long ScanLength(Node node, TensorType[] scanned, long[] axes) =>
        scanned.Where((type, i) => type.Shape.Rank == 0 || type.Shape[(int)axes[i]] != scanned[0].Shape[(int)axes[0]]).Any()
            ? throw new InvalidGraphException($"{node}: the scanned inputs have different lengths: {string.Join(", ", scanned.Select(type => type.Shape))}.")
            : scanned[0].Shape[(int)axes[0]];

    /// <summary>The numbers of an attribute, zeros if it is missing.</summary>
    /// <exception cref="InvalidGraphException">It has another number of them.</exception>
    public static long[] Numbers(Node node, string attribute, int count)
    {
        long[] numbers = node.Attributes.Ints(attribute) ?? new long[count];
        return numbers.Length == count ? [.. numbers] : throw new InvalidGraphException($"{node}: the attribute '{attribute}' has {numbers.Length} numbers, expected {count}.");
    }

    /// <summary>Turns a possibly negative axis into one from 0 on.</summary>
    /// <exception cref="InvalidGraphException">It is out of range.</exception>
    public static long Axis(Node node, long axis, int rank) =>
        axis >= -rank && axis < rank ? (axis + rank) % rank : throw new InvalidGraphException($"{node}: axis {axis} is outside of a tensor with {rank} dimensions.");

    /// <summary>The shape of a single number that a body takes. Some exporters declare the number of the iteration and the condition as vectors.</summary>
    public static Shape SingleShape(Value input) => input.Declared?.Dimensions is { Count: 1 } ? new Shape(1) : new Shape();

    private static bool IsTrue(Node node, LiveValue value)
    {
        LiveTensor tensor = value as LiveTensor ?? throw new InvalidGraphException($"{node}: the condition is {value.Description}, expected a single bool.");
        bool isTrue = ControlFlow.IsTrue(node, tensor.Type, tensor.Bytes);
        tensor.Release();
        return isTrue;
    }

    private static LiveTensor? Input(Node node, int index, LiveValues values) =>
        index < node.Inputs.Length && node.Inputs[index] is not null ? SequenceRunner.Tensor(node, index, values) : null;

    // What must not change from one iteration to the next. An optional value may get a content or lose it.
    private readonly record struct Kind(bool IsKnown, bool IsSequence, ElementType ElementType)
    {
        public override string ToString() => IsSequence ? $"seq({ElementType.ToOnnxName()})" : ElementType.ToOnnxName();
    }

    private static Kind KindOf(LiveValue value) => value switch
    {
        LiveTensor tensor => new Kind(true, false, tensor.ElementType),
        LiveSequence sequence => new Kind(sequence.ElementType != ElementType.Undefined, true, sequence.ElementType),
        _ => default,
    };

    private static void CheckKind(Node node, int index, Kind before, Kind after)
    {
        if (before != after && before.IsKnown && after.IsKnown)
        {
            throw new InvalidGraphException($"{node}: the carried value {index} changes from {before} to {after}.");
        }
    }

    private static void Collect(Node node, int index, List<LiveTensor> slices, LiveValue value)
    {
        LiveTensor slice = CollectedTensor(node, index, value);
        if (slices.Count > 0 && slices[0].Type != slice.Type)
        {
            throw new InvalidGraphException($"{node}: an output that is collected is {slices[0].Type} in the first iteration and {slice.Type} in a later one.");
        }

        // What a run returns is a tensor in managed memory. A loop that never ends would fill all of it first.
        if (slice.Type.ByteLength > 0 && slices.Count >= Array.MaxLength / slice.Type.ByteLength)
        {
            throw new InvalidGraphException($"{node}: an output that is collected, {slice.Type} in each iteration, is larger than {Array.MaxLength:N0} bytes after {slices.Count:N0} iterations.");
        }

        slices.Add(slice);
    }

    private static LiveTensor CollectedTensor(Node node, int index, LiveValue value) =>
        value as LiveTensor ?? throw new InvalidGraphException($"{node}: the output {index} of those that are collected is {value.Description} in the body, expected a tensor.");

    // The types of what each iteration adds to the outputs that are collected: the last ones of the body. Where there was no iteration, they are those that the
    // body declares; where it leaves dimensions open, those that an iteration makes, whose numbers nobody reads.
    private TensorType[] SliceTypes(Node node, Graph body, LiveValues captured, List<LiveTensor>[] collected, Func<LiveValue[]> inputs)
    {
        Value[] outputs = [.. body.Outputs.Skip(body.Outputs.Count - collected.Length)];
        if (collected.Length == 0 || collected[0].Count > 0)
        {
            return Array.ConvertAll(collected, slices => slices[0].Type);
        }

        if (!Array.TrueForAll(outputs, output => output.Declared is { ElementType: not ElementType.Undefined, Dimensions: { } dimensions } && dimensions.All(dimension => dimension.IsKnown)))
        {
            try
            {
                LiveValue[] results = RunBody(body, captured, inputs());
                TensorType[] types = [.. results.Skip(results.Length - collected.Length).Select((result, i) => CollectedTensor(node, i, result).Type)];
                Array.ForEach(results, result => result.Release());
                return types;
            }
            catch (OnnxStreamException exception) when (exception is InvalidGraphException or InvalidInputException or UnsupportedOperatorException)
            {
                // An iteration that never happens may be one that cannot.
            }
        }

        return Array.ConvertAll(outputs, output => DeclaredType(node, output));
    }

    // An open dimension is empty.
    private static TensorType DeclaredType(Node node, Value output) =>
        output.Declared is { ElementType: not ElementType.Undefined } declared
            ? new TensorType(declared.ElementType, new Shape([.. (declared.Dimensions ?? []).Select(dimension => dimension.IsKnown ? dimension.Value : 0)]))
            : throw new InvalidGraphException($"{node}: there was no iteration, and the body does not declare the type of its output '{output.Name}'.");

    private static long Single(Node node, LiveTensor tensor)
    {
        if (tensor.ElementType != ElementType.Int64 || tensor.Shape.ElementCount != 1)
        {
            throw new InvalidGraphException($"{node}: the number of iterations is a {tensor.Type}, expected a single int64.");
        }

        long number = MemoryMarshal.Read<long>(tensor.Bytes);
        tensor.Release();
        return number;
    }

    private LiveTensor Zeros(TensorType type)
    {
        LiveTensor tensor = memory.Take(type);
        tensor.Bytes.Clear();
        return tensor;
    }

    private LiveTensor SingleLike<T>(Value input, T element)
        where T : unmanaged
    {
        LiveTensor tensor = memory.Take(new TensorType(ElementTypes.Of<T>(), SingleShape(input)));
        MemoryMarshal.Write(tensor.Bytes, element);
        return tensor;
    }
}
