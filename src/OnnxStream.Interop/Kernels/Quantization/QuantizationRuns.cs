namespace OnnxStream.Interop.Kernels;

/// <summary>A tensor as runs of neighbouring elements, with the place of their scales and zero points.</summary>
/// <param name="Count">The number of runs.</param>
/// <param name="Length">The number of elements in a run; the last one may have fewer.</param>
/// <param name="Total">The number of elements in all.</param>
/// <param name="Axis">How many runs in a row have scales of their own; 1 if all share one.</param>
/// <param name="Block">How many of them share one; the elements of a run then have one each. 0 for one scale for each run.</param>
internal readonly record struct QuantizationRuns(long Count, long Length, long Total, long Axis, long Block)
{
    private const long LengthOfShared = 4096;

    /// <summary>One scale for all elements.</summary>
    public static QuantizationRuns PerTensor(long total) => new((total + LengthOfShared - 1) / LengthOfShared, LengthOfShared, total, 1, 0);

    /// <summary>A scale for each position along a dimension, or for each block of positions and each position along all others.</summary>
    public static QuantizationRuns PerAxis(Shape shape, int axis, long block) =>
        new(shape.Product(0, axis + 1), shape.Product(axis + 1, shape.Rank), shape.ElementCount, shape[axis], block);

    /// <summary>Whether each element of a run has a scale of its own.</summary>
    public bool HasScalePerElement => Block > 0;

    /// <summary>The number of elements in a run.</summary>
    public int LengthOf(long run) => checked((int)Math.Min(Length, Total - run * Length));

    /// <summary>The index of the scale of a run, or of its first element.</summary>
    public long Scale(long run)
    {
        (long outer, long position) = Math.DivRem(run, Axis);
        return HasScalePerElement ? (outer * ((Axis + Block - 1) / Block) + position / Block) * Length : position;
    }
}
