using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Sessions;

/// <summary>Runs the nodes whose attributes are graphs: If, Loop, Scan. The graphs are planned and run like the main one.</summary>
/// <param name="run">Runs a graph on the values that it is given, and returns its outputs in order.</param>
/// <param name="cancellationToken">Stops between two iterations.</param>
internal sealed class ControlFlowRunner(Func<Graph, LiveValues, TensorBuffer[]> run, CancellationToken cancellationToken)
{
    /// <summary>The outputs of a node, as many as its operator has.</summary>
    /// <param name="node">The node.</param>
    /// <param name="values">The values that exist around it.</param>
    /// <exception cref="InvalidGraphException">Its inputs, attributes and graphs contradict each other.</exception>
    public TensorBuffer[] Run(Node node, LiveValues values)
    {
        TensorBuffer[] outputs = node.OperatorType switch
        {
            "If" => RunIf(node, values),
            "Loop" => RunLoop(node, values),
            "Scan" => node.OperatorSet < 9 ? RunBatchedScan(node, values) : RunScan(node, values),
            _ => throw new InvalidOperationException($"{node} is no control flow."),
        };
        return node.Outputs.Length <= outputs.Length ? outputs :
            throw new InvalidGraphException($"{node}: it has {node.Outputs.Length} outputs, but its graphs make {outputs.Length}.");
    }

    private static bool IsTrue(Node node, TensorBuffer tensor) => ControlFlow.IsTrue(node, tensor.Type, tensor.Bytes);

    private TensorBuffer[] RunIf(Node node, LiveValues values)
    {
        Graph branch = ControlFlow.Branch(node, IsTrue(node, Input(node, 0, values) ?? throw new InvalidGraphException($"{node}: the condition is missing.")));
        return run(branch, values.CapturedBy(branch));
    }

    private TensorBuffer[] RunLoop(Node node, LiveValues values)
    {
        Graph body = ControlFlow.Body(node, "body");
        int carriedCount = Math.Max(0, node.Inputs.Length - 2);
        int collectedCount = body.Outputs.Count - 1 - carriedCount;
        if (body.Inputs.Count != carriedCount + 2 || collectedCount < 0)
        {
            throw new InvalidGraphException($"{node}: the body has {body.Inputs.Count} inputs and {body.Outputs.Count} outputs; for {carriedCount} carried values it must have {carriedCount + 2} and at least {carriedCount + 1}.");
        }

        long limit = Input(node, 0, values) is { } count ? Single(node, count) : long.MaxValue;
        bool goesOn = Input(node, 1, values) is not { } condition || IsTrue(node, condition);
        TensorBuffer[] carried = [.. Enumerable.Range(2, carriedCount).Select(i => Input(node, i, values) ?? throw new InvalidGraphException($"{node}: input {i} is missing."))];
        List<TensorBuffer>[] collected = [.. Enumerable.Range(0, collectedCount).Select(_ => new List<TensorBuffer>())];
        LiveValues captured = values.CapturedBy(body);
        for (long iteration = 0; iteration < limit && goesOn; iteration++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TensorBuffer[] results = RunBody(body, captured, [SingleLike(body.Inputs[0], iteration), SingleLike(body.Inputs[1], goesOn), .. carried]);
            goesOn = IsTrue(node, results[0]);
            for (int i = 0; i < carriedCount; i++)
            {
                CheckElementType(node, i, carried[i].ElementType, results[i + 1].ElementType);
                carried[i] = results[i + 1];
            }

            for (int i = 0; i < collectedCount; i++)
            {
                Collect(node, collected[i], results[1 + carriedCount + i]);
            }
        }

        return [.. carried, .. collected.Select((slices, i) => TensorSlices.Stack(slices, SliceType(node, slices, body.Outputs[1 + carriedCount + i]), 0, slices.Count))];
    }

    private TensorBuffer[] RunScan(Node node, LiveValues values)
    {
        Graph body = ControlFlow.Body(node, "body");
        long scannedCount = node.Attributes.Int("num_scan_inputs", 0);
        CheckScan(node, body, scannedCount, node.Inputs.Length);
        TensorBuffer[] inputs = [.. Enumerable.Range(0, node.Inputs.Length).Select(i => Input(node, i, values) ?? throw new InvalidGraphException($"{node}: input {i} is missing."))];
        int stateCount = inputs.Length - (int)scannedCount;
        int collectedCount = body.Outputs.Count - stateCount;
        long[] inputAxes = Numbers(node, "scan_input_axes", (int)scannedCount);
        for (int i = 0; i < inputAxes.Length; i++)
        {
            inputAxes[i] = Axis(node, inputAxes[i], inputs[stateCount + i].Shape.Rank);
        }

        return Scan(
            node, body, values.CapturedBy(body), inputs[..stateCount], inputs[stateCount..], inputAxes, Numbers(node, "scan_input_directions", (int)scannedCount),
            Numbers(node, "scan_output_axes", collectedCount), Numbers(node, "scan_output_directions", collectedCount), null);
    }

    // Opset 8 scans each element of a batch on its own, for lengths that may differ; what lies behind a shorter one is zero.
    private TensorBuffer[] RunBatchedScan(Node node, LiveValues values)
    {
        Graph body = ControlFlow.Body(node, "body");
        long scannedCount = node.Attributes.Int("num_scan_inputs", 0);
        CheckScan(node, body, scannedCount, node.Inputs.Length - 1);
        TensorBuffer[] inputs = [.. Enumerable.Range(1, node.Inputs.Length - 1).Select(i => Input(node, i, values) ?? throw new InvalidGraphException($"{node}: input {i} is missing."))];
        int stateCount = inputs.Length - (int)scannedCount;
        long batch = inputs[0].Shape.Rank > 0 ? inputs[0].Shape[0] : 0;
        if (batch < 1 || inputs.Any(input => input.Shape.Rank < 1 || input.Shape[0] != batch))
        {
            throw new InvalidGraphException($"{node}: the first dimension of all inputs must be the size of the batch, at least 1.");
        }

        TensorBuffer? given = Input(node, 0, values);
        if (given is not null && given.ElementType != ElementType.Int64)
        {
            throw new InvalidGraphException($"{node}: the sequence lengths are a {given.Type}, expected int64.");
        }

        long[]? lengths = given is null ? null : [.. given.Span<long>()];
        if (lengths is not null && lengths.Length != batch)
        {
            throw new InvalidGraphException($"{node}: there are {lengths.Length} sequence lengths for a batch of {batch}.");
        }

        LiveValues captured = values.CapturedBy(body);
        List<TensorBuffer[]> results = [];
        for (int i = 0; i < batch; i++)
        {
            TensorBuffer[] parts = [.. inputs.Select(input => TensorSlices.Take(input, 0, i))];
            results.Add(Scan(
                node, body, captured, parts[..stateCount], parts[stateCount..], new long[scannedCount], Numbers(node, "directions", (int)scannedCount),
                new long[body.Outputs.Count - stateCount], new long[body.Outputs.Count - stateCount], lengths?[i]));
        }

        return [.. Enumerable.Range(0, body.Outputs.Count).Select(i => TensorSlices.Stack([.. results.Select(outputs => outputs[i])], results[0][i].Type, 0, batch))];
    }

    private TensorBuffer[] Scan(
        Node node, Graph body, LiveValues captured, TensorBuffer[] states, TensorBuffer[] scanned, long[] inputAxes, long[] inputDirections, long[] outputAxes, long[] outputDirections, long? steps)
    {
        if (scanned.Where((tensor, i) => tensor.Shape.Rank == 0 || tensor.Shape[(int)inputAxes[i]] != scanned[0].Shape[(int)inputAxes[0]]).Any())
        {
            throw new InvalidGraphException($"{node}: the scanned inputs have different lengths: {string.Join(", ", scanned.Select(tensor => tensor.Shape))}.");
        }

        long length = scanned[0].Shape[(int)inputAxes[0]];
        if (steps < 0 || steps > length)
        {
            throw new InvalidGraphException($"{node}: a sequence of {steps} steps does not lie in an input of length {length}.");
        }

        TensorBuffer[] carried = [.. states];
        List<TensorBuffer>[] collected = [.. Enumerable.Range(0, body.Outputs.Count - states.Length).Select(_ => new List<TensorBuffer>())];
        for (long step = 0; step < (steps ?? length); step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TensorBuffer[] slices = [.. scanned.Select((tensor, i) => TensorSlices.Take(tensor, (int)inputAxes[i], inputDirections[i] == 0 ? step : length - 1 - step))];
            TensorBuffer[] results = RunBody(body, captured, [.. carried, .. slices]);
            for (int i = 0; i < carried.Length; i++)
            {
                CheckElementType(node, i, carried[i].ElementType, results[i].ElementType);
                carried[i] = results[i];
            }

            for (int i = 0; i < collected.Length; i++)
            {
                Collect(node, collected[i], results[carried.Length + i]);
            }
        }

        List<TensorBuffer> outputs = [.. carried];
        for (int i = 0; i < collected.Length; i++)
        {
            TensorType type = SliceType(node, collected[i], body.Outputs[carried.Length + i]);
            if (outputDirections[i] != 0)
            {
                collected[i].Reverse();
            }

            outputs.Add(TensorSlices.Stack(collected[i], type, (int)Axis(node, outputAxes[i], type.Shape.Rank + 1), length));
        }

        return [.. outputs];
    }

    private TensorBuffer[] RunBody(Graph body, LiveValues captured, TensorBuffer[] inputs)
    {
        LiveValues values = captured.Copy();
        for (int i = 0; i < inputs.Length; i++)
        {
            values.Tensors.Add(body.Inputs[i], inputs[i]);
        }

        return run(body, values);
    }

    private static TensorBuffer? Input(Node node, int index, LiveValues values) =>
        index < node.Inputs.Length && node.Inputs[index] is { } value ? values.Tensor(value) : null;

    private static void CheckScan(Node node, Graph body, long scannedCount, int inputCount)
    {
        if (scannedCount < 1 || scannedCount > inputCount || body.Inputs.Count != inputCount || body.Outputs.Count < inputCount - scannedCount)
        {
            throw new InvalidGraphException($"{node}: {scannedCount} of {inputCount} inputs are scanned, and the body has {body.Inputs.Count} inputs and {body.Outputs.Count} outputs, which do not fit together.");
        }
    }

    private static void CheckElementType(Node node, int index, ElementType before, ElementType after)
    {
        if (before != after)
        {
            throw new InvalidGraphException($"{node}: the carried value {index} changes from {before.ToOnnxName()} to {after.ToOnnxName()}.");
        }
    }

    private static void Collect(Node node, List<TensorBuffer> slices, TensorBuffer slice)
    {
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

    // The type of what each iteration adds to an output; of what the body declares where there was no iteration, an open dimension being empty.
    private static TensorType SliceType(Node node, List<TensorBuffer> slices, Value output) =>
        slices.Count > 0 ? slices[0].Type :
        output.Declared is { ElementType: not ElementType.Undefined } declared
            ? new TensorType(declared.ElementType, new Shape([.. (declared.Dimensions ?? []).Select(dimension => dimension.IsKnown ? dimension.Value : 0)]))
            : throw new InvalidGraphException($"{node}: there was no iteration, and the body does not declare the type of its output '{output.Name}'.");

    private static long Single(Node node, TensorBuffer tensor) =>
        tensor.ElementType == ElementType.Int64 && tensor.Shape.ElementCount == 1 ? tensor.Span<long>()[0] :
        throw new InvalidGraphException($"{node}: the number of iterations is a {tensor.Type}, expected a single int64.");

    // Some exporters declare the number of the iteration and the condition as vectors.
    private static TensorBuffer SingleLike<T>(Value input, T element)
        where T : unmanaged => TensorBuffer.Create<T>([element], input.Declared?.Dimensions is { Count: 1 } ? [1] : []);

    private static long[] Numbers(Node node, string attribute, int count)
    {
        long[] numbers = node.Attributes.Ints(attribute) ?? new long[count];
        return numbers.Length == count ? [.. numbers] : throw new InvalidGraphException($"{node}: the attribute '{attribute}' has {numbers.Length} numbers, expected {count}.");
    }

    private static long Axis(Node node, long axis, int rank) =>
        axis >= -rank && axis < rank ? (axis + rank) % rank : throw new InvalidGraphException($"{node}: axis {axis} is outside of a tensor with {rank} dimensions.");
}
