using System.Runtime.InteropServices;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Sessions;

/// <summary>Runs the nodes that make, change and read sequences and optional values.</summary>
/// <remarks>
/// A sequence holds tensors that exist; putting one in or taking one out copies nothing. Where a run is only planned, the tensors have no elements, and what
/// depends on elements that nobody knows is not found out.
/// </remarks>
/// <param name="memory">Where tensors come from.</param>
/// <param name="isKnown">Whether the content of a constant is what a run will have: in a plan, some are only bounds.</param>
internal sealed class SequenceRunner(ITensorMemory memory, Func<Value, bool> isKnown)
{
    /// <summary>Whether a node is run here. That of Identity and other operators which pass any value on depends on what they are given.</summary>
    public static bool Runs(Node node, LiveValues values) =>
        OperatorRegistry.Get(node) is SequenceOperator or OptionalOperator || (OperatorRegistry.Get(node) is Identity && node.Inputs is [{ } input] && values.Find(input) is not (null or LiveTensor));

    /// <summary>The output of a node, whose owner the caller becomes; null where a run is only planned and what is needed is not known.</summary>
    /// <param name="node">The node.</param>
    /// <param name="values">The values that exist around it.</param>
    /// <param name="leaves">Whether the output leaves the run.</param>
    /// <param name="taken">Called when the node has taken what it needs of the values: others may go.</param>
    /// <exception cref="InvalidGraphException">Its inputs and attributes contradict each other.</exception>
    /// <exception cref="InvalidInputException">A position is not in the sequence, tensors do not fit together, or an optional value has no content.</exception>
    public LiveValue? Run(Node node, LiveValues values, bool leaves, Action taken)
    {
        if (node.Outputs.Skip(1).Any(output => output is not null))
        {
            throw new InvalidGraphException($"{node}: it has {node.Outputs.Length} outputs, expected 1.");
        }

        switch (node.OperatorType)
        {
            case "SequenceConstruct":
                return Construct(node, values, taken);
            case "SequenceEmpty":
                taken();
                return new LiveSequence(ElementTypeOf(node), []);
            case "SequenceInsert":
                return Insert(node, values, taken);
            case "SequenceErase":
                return Erase(node, values, taken);
            case "SequenceAt":
                return At(node, values, taken);
            case "SequenceLength":
                LiveSequence counted = Sequence(node, 0, values);
                taken();
                long count = counted.Count;
                counted.Release();
                return Single(count);
            case "SplitToSequence":
                return Split(node, values, taken);
            case "ConcatFromSequence":
                return Concat(node, values, leaves, taken);
            case "Optional" when node.Inputs is []:
                taken();
                return node.Attributes.ValueType("type") is not null ? new LiveNothing() :
                    throw new InvalidGraphException($"{node}: it has neither an input nor the attribute 'type'.");
            case "OptionalHasElement":
                return HasElement(node, values, taken);
            case "OptionalGetElement":
                LiveValue content = Input(node, 0, values);
                taken();
                return content is not LiveNothing ? content :
                    throw new InvalidInputException($"{node}: the optional value '{node.Inputs[0]!.Name}' has no content. OptionalHasElement tells.");
            default:
                // Optional with an input, and Identity.
                LiveValue passed = Input(node, 0, values);
                taken();
                return passed;
        }
    }

    /// <summary>The tensor of an input, whose owner the caller becomes.</summary>
    /// <exception cref="InvalidGraphException">It is missing, or no tensor.</exception>
    public static LiveTensor Tensor(Node node, int index, LiveValues values) =>
        Input(node, index, values) is var value && value is LiveTensor tensor ? tensor : throw Unexpected(node, index, value, "a tensor");

    /// <summary>The value of an input, whose owner the caller becomes.</summary>
    /// <exception cref="InvalidGraphException">It is missing.</exception>
    public static LiveValue Input(Node node, int index, LiveValues values) =>
        index < node.Inputs.Length && node.Inputs[index] is { } input ? values.Take(input) : throw new InvalidGraphException($"{node}: input {index} is missing.");

    /// <summary>What a node says that is given another value than it works on.</summary>
    public static InvalidGraphException Unexpected(Node node, int index, LiveValue value, string expected) =>
        new($"{node}: input {index} ('{node.Inputs[index]?.Name}') is {value.Description}, expected {expected}.");

    private static LiveSequence Construct(Node node, LiveValues values, Action taken)
    {
        if (node.Inputs.Length == 0)
        {
            throw new InvalidGraphException($"{node}: it has no inputs; SequenceEmpty makes an empty sequence.");
        }

        List<LiveTensor> tensors = [];
        for (int i = 0; i < node.Inputs.Length; i++)
        {
            LiveTensor tensor = Tensor(node, i, values);
            if (i > 0 && tensor.ElementType != tensors[0].ElementType)
            {
                throw Unexpected(node, i, tensor, $"elements of {tensors[0].ElementType.ToOnnxName()}, as input 0 has");
            }

            tensors.Add(tensor);
        }

        taken();
        return new LiveSequence(tensors[0].ElementType, tensors);
    }

    private LiveSequence? Insert(Node node, LiveValues values, Action taken)
    {
        LiveSequence sequence = Sequence(node, 0, values);
        LiveTensor tensor = Tensor(node, 1, values);
        if (sequence.ElementType != ElementType.Undefined && tensor.ElementType != sequence.ElementType)
        {
            throw Unexpected(node, 1, tensor, $"elements of {sequence.ElementType.ToOnnxName()}, as the sequence has");
        }

        SequenceOperator.CheckCount(node, sequence.Count + 1L);
        int? place = Place(node, 2, values, sequence, sequence.Count, otherwise: sequence.Count, sequence.Tensors.All(other => other.Type == tensor.Type));
        taken();
        if (place is { } known)
        {
            return sequence.Insert(known, tensor);
        }

        sequence.Release();
        tensor.Release();
        return null;
    }

    private LiveSequence? Erase(Node node, LiveValues values, Action taken)
    {
        LiveSequence sequence = Sequence(node, 0, values);
        int? place = Place(node, 1, values, sequence, sequence.Count - 1, otherwise: sequence.Count - 1, AreAlike(sequence));
        taken();
        if (place is { } known)
        {
            return sequence.RemoveAt(SequenceOperator.Place(node, known, sequence.Count, sequence.Count - 1));
        }

        sequence.Release();
        return null;
    }

    private LiveTensor? At(Node node, LiveValues values, Action taken)
    {
        LiveSequence sequence = Sequence(node, 0, values);
        int? place = Place(node, 1, values, sequence, sequence.Count - 1, otherwise: null, AreAlike(sequence));
        taken();
        LiveTensor? tensor = place is { } known ? sequence.Tensors[known].Retain() : null;
        sequence.Release();
        return tensor;
    }

    private LiveSequence? Split(Node node, LiveValues values, Action taken)
    {
        bool isGiven = node.Inputs is [_, { }, ..];
        long[]? split = isGiven ? Integers(node, 1, values, out int splitRank) : Integers(out splitRank);
        LiveTensor tensor = Tensor(node, 0, values);
        taken();
        if (split is null)
        {
            tensor.Release();
            return null;
        }

        int axis = (int)ControlFlowRunner.Axis(node, node.Attributes.Int("axis", 0), tensor.Shape.Rank);
        bool keepsAxis = isGiven || node.Attributes.Int("keepdims", 1) != 0;
        long[] lengths = SequenceOperator.PartLengths(node, tensor.Shape[axis], isGiven ? splitRank : null, split);
        List<LiveTensor> parts = new(lengths.Length);
        long start = 0;
        foreach (long length in lengths)
        {
            LiveTensor part = memory.Take(keepsAxis ? tensor.Type with { Shape = tensor.Shape.With(axis, length) } : TensorSlices.SliceType(tensor.Type, axis));
            if (part.HasContent)
            {
                TensorSlices.Take(tensor, axis, start, length, part);
            }

            part.Bound = tensor.Bound;
            parts.Add(part);
            start += length;
        }

        LiveSequence sequence = new(tensor.ElementType, parts);
        tensor.Release();
        return sequence;
    }

    private LiveTensor Concat(Node node, LiveValues values, bool leaves, Action taken)
    {
        LiveSequence sequence = Sequence(node, 0, values);
        (TensorType type, int axis, bool isNew) = SequenceOperator.Concat(node, [.. sequence.Tensors.Select(tensor => tensor.Type)]);
        taken();
        LiveTensor whole;
        try
        {
            whole = leaves ? memory.TakeOutput(type) : memory.Take(type);
        }
        catch (ArgumentException exception)
        {
            throw new InvalidGraphException($"{node}: {exception.Message}", exception);
        }

        if (whole.HasContent)
        {
            if (isNew)
            {
                TensorSlices.Stack(sequence.Tensors, sequence.Tensors[0].Type, axis, whole);
            }
            else
            {
                TensorSlices.Concat(sequence.Tensors, axis, whole);
            }
        }

        whole.Bound = sequence.Tensors.Select(tensor => tensor.Bound).FirstOrDefault(bound => bound is not null);
        sequence.Release();
        return whole;
    }

    // Whether there is content is something that planning may rely on: most graphs ask about an input of theirs, and only one of two branches can run then.
    private LiveTensor HasElement(Node node, LiveValues values, Action taken)
    {
        bool hasElement = false;
        if (node.Inputs is [{ } input, ..])
        {
            LiveValue value = values.Take(input);
            hasElement = value is not LiveNothing;
            value.Release();
        }
        else if (node.OperatorSet < 18)
        {
            throw new InvalidGraphException($"{node}: input 0 is missing; it may be left out from operator set 18 on.");
        }

        taken();
        if (node.Outputs is [{ } output, ..])
        {
            values.Constants[output] = Constant.Of(Shape.Scalar, hasElement);
        }

        return Single(hasElement);
    }

    private static bool AreAlike(LiveSequence sequence) => sequence.Tensors.All(tensor => tensor.Type == sequence.Tensors[0].Type);

    // Where a position is not known, the first one stands for it if it makes no difference for types; null if it does.
    private int? Place(Node node, int index, LiveValues values, LiveSequence sequence, int last, int? otherwise, bool areAlike)
    {
        if (index >= node.Inputs.Length || node.Inputs[index] is null)
        {
            return otherwise ?? throw new InvalidGraphException($"{node}: input {index}, the position, is missing.");
        }

        return Integers(node, index, values, out _) switch
        {
            [var position] => SequenceOperator.Place(node, position, sequence.Count, last),
            null => areAlike && last >= 0 ? 0 : null,
            var others => throw new InvalidGraphException($"{node}: input {index}, the position, has {others.Length} elements, expected one."),
        };
    }

    private static long[] Integers(out int rank)
    {
        rank = 0;
        return [];
    }

    // The elements of an input, int32 or int64; null where they are not known.
    private long[]? Integers(Node node, int index, LiveValues values, out int rank)
    {
        LiveTensor tensor = Tensor(node, index, values);
        rank = tensor.Shape.Rank;
        if (tensor.ElementType is not (ElementType.Int32 or ElementType.Int64))
        {
            throw Unexpected(node, index, tensor, "int32 or int64");
        }

        ReadOnlySpan<byte> bytes = tensor.HasContent ? tensor.Bytes : isKnown(node.Inputs[index]!) && values.FindConstant(node.Inputs[index]!) is { Data: { } data } ? data : [];
        bool isThere = bytes.Length == tensor.Type.ByteLength;
        long[]? integers = !isThere ? null : tensor.ElementType == ElementType.Int64
            ? MemoryMarshal.Cast<byte, long>(bytes).ToArray()
            : Array.ConvertAll(MemoryMarshal.Cast<byte, int>(bytes).ToArray(), value => (long)value);
        tensor.Release();
        return integers;
    }

    private static LiveSequence Sequence(Node node, int index, LiveValues values) =>
        Input(node, index, values) is var value && value is LiveSequence sequence ? sequence : throw Unexpected(node, index, value, "a sequence");

    private static ElementType ElementTypeOf(Node node)
    {
        ElementType type = (ElementType)node.Attributes.Int("dtype", (long)ElementType.Float32);
        return type.SizeOf() > 0 ? type : throw new InvalidGraphException($"{node}: attribute 'dtype' is {(long)type}, which is no element type that is supported.");
    }

    private LiveTensor Single<T>(T element)
        where T : unmanaged
    {
        LiveTensor tensor = memory.Take(new TensorType(ElementTypes.Of<T>(), Shape.Scalar));
        if (tensor.HasContent)
        {
            MemoryMarshal.Write(tensor.Bytes, element);
        }

        return tensor;
    }
}
