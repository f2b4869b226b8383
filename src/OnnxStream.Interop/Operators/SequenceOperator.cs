using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>The operators that make, change and read sequences of tensors. https://onnx.ai/onnx/operators/onnx__SequenceConstruct.html</summary>
/// <remarks>
/// How long a sequence is and which of its tensors are meant depends on data, so these nodes are no steps of a plan: the session cuts its graph there and runs
/// them itself (<see cref="InferenceSession"/>). Only SplitToSequence and ConcatFromSequence copy elements. Opset 24 added types to SplitToSequence; nothing else changed.
/// </remarks>
internal sealed class SequenceOperator : Operator
{
    /// <summary>The most tensors of a sequence: a loop that never ends would fill all memory with them.</summary>
    public const int MostTensors = 1 << 20;

    /// <inheritdoc/>
    public override bool IsStep => false;

    /// <inheritdoc/>
    public override void Infer(InferenceContext context) => throw NotAStep();

    /// <inheritdoc/>
    public override void Lower(LoweringContext context) => throw NotAStep();

    /// <summary>The place in a sequence that a node means.</summary>
    /// <param name="node">The node.</param>
    /// <param name="position">As the node gives it: a negative one counts from the end.</param>
    /// <param name="count">How many tensors the sequence has.</param>
    /// <param name="last">The largest place: the last tensor, or, for an insertion, the end.</param>
    /// <exception cref="InvalidInputException">There is no such place.</exception>
    public static int Place(Node node, long position, int count, int last)
    {
        long place = position < 0 ? position + count : position;
        return place >= 0 && place <= last ? (int)place :
            throw new InvalidInputException($"{node}: the position {position} is not in a sequence of {count} tensors{(last < 0 ? "" : $"; {-count} to {last} are")}.");
    }

    /// <summary>Where SplitToSequence cuts: the lengths of the parts along the axis.</summary>
    /// <param name="node">The node.</param>
    /// <param name="length">The length of the dimension.</param>
    /// <param name="splitRank">The rank of the second input; null if it is left out: all parts have the length 1.</param>
    /// <param name="split">The elements of the second input: the length of all parts but the last one, or the length of each.</param>
    /// <exception cref="InvalidInputException">They do not cover the dimension.</exception>
    public static long[] PartLengths(Node node, long length, int? splitRank, long[] split)
    {
        if (splitRank is null)
        {
            split = [1];
        }

        if (splitRank is null or 0)
        {
            long part = split.Length == 1 && split[0] > 0 ? split[0] : throw new InvalidInputException($"{node}: the parts cannot be {Listing.Of(split)} long.");
            CheckCount(node, length / part + (length % part > 0 ? 1 : 0));
            return [.. Enumerable.Repeat(part, (int)(length / part)), .. length % part > 0 ? new[] { length % part } : []];
        }

        return splitRank == 1 && split.All(part => part >= 0 && part <= length) && split.Sum() == length ? split :
            throw new InvalidInputException($"{node}: the lengths [{Listing.Of(split)}] do not split a dimension of {length}.");
    }

    /// <summary>Throws if a sequence would have too many tensors.</summary>
    /// <exception cref="InvalidInputException">It would.</exception>
    public static void CheckCount(Node node, long count)
    {
        if (count > MostTensors)
        {
            throw new InvalidInputException($"{node}: the sequence would have {count:N0} tensors; at most {MostTensors:N0} are possible.");
        }
    }

    /// <summary>What ConcatFromSequence makes.</summary>
    /// <param name="node">The node.</param>
    /// <param name="types">The types of the tensors.</param>
    /// <returns>The type of the result, the axis, and whether that is a new one.</returns>
    /// <exception cref="InvalidInputException">There are no tensors, or their shapes do not fit together.</exception>
    /// <exception cref="InvalidGraphException">The attributes are wrong.</exception>
    public static (TensorType Type, int Axis, bool IsNew) Concat(Node node, IReadOnlyList<TensorType> types)
    {
        if (types.Count == 0)
        {
            throw new InvalidInputException($"{node}: the sequence is empty, so there is nothing to put together.");
        }

        bool isNew = node.Attributes.Int("new_axis", 0) switch
        {
            0 => false,
            1 => true,
            var other => throw new InvalidGraphException($"{node}: attribute 'new_axis' is {other}, expected 0 or 1."),
        };
        Shape first = types[0].Shape;
        int rank = first.Rank + (isNew ? 1 : 0);
        long given = node.Attributes.Has("axis") ? node.Attributes.Int("axis", 0) : throw new InvalidGraphException($"{node}: attribute 'axis' is missing.");
        int axis = given >= -rank && given < rank ? (int)(given < 0 ? given + rank : given) : throw new InvalidInputException($"{node}: {given} is not an axis of {rank} dimensions.");
        for (int i = 1; i < types.Count; i++)
        {
            Shape shape = types[i].Shape;
            if (shape.Rank != first.Rank || (isNew ? shape : shape.With(axis, first[axis])) != first)
            {
                throw new InvalidInputException($"{node}: tensor {i} of the sequence is {types[i]}, the first one {types[0]}; {(isNew ? "they must be alike" : $"they may differ in dimension {axis} only")}.");
            }
        }

        long[] dimensions = isNew
            ? [.. first.Dimensions[..axis], types.Count, .. first.Dimensions[axis..]]
            : first.With(axis, types.Aggregate(0L, (sum, type) => checked(sum + type.Shape[axis]))).ToArray();
        return (types[0] with { Shape = new Shape(dimensions) }, axis, isNew);
    }

    private static InvalidOperationException NotAStep() => new("Sequences are not made by steps of a plan.");
}
