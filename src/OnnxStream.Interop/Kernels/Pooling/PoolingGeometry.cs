namespace OnnxStream.Interop.Kernels;

/// <summary>Windows that slide over three spatial dimensions of a tensor [planes, D, H, W]; fewer have dimensions of 1 in front.</summary>
internal sealed class PoolingGeometry
{
    /// <summary>Takes sizes for one to three spatial dimensions over.</summary>
    /// <param name="planes">Items times channels.</param>
    /// <param name="input">The input's spatial dimensions.</param>
    /// <param name="output">The output's.</param>
    /// <param name="kernel">The window's.</param>
    /// <param name="strides">Elements between two windows.</param>
    /// <param name="dilations">Elements between two elements of a window.</param>
    /// <param name="padsBegin">Padding in front.</param>
    /// <param name="padsEnd">Padding behind.</param>
    public PoolingGeometry(long planes, ReadOnlySpan<long> input, ReadOnlySpan<long> output, ReadOnlySpan<long> kernel, ReadOnlySpan<long> strides, ReadOnlySpan<long> dilations, ReadOnlySpan<long> padsBegin, ReadOnlySpan<long> padsEnd)
    {
        Planes = planes;
        Input = Extend(input, 1);
        Output = Extend(output, 1);
        Kernel = Extend(kernel, 1);
        Strides = Extend(strides, 1);
        Dilations = Extend(dilations, 1);
        PadsBegin = Extend(padsBegin, 0);
        PadsEnd = Extend(padsEnd, 0);
    }

    /// <summary>Items times channels.</summary>
    public long Planes { get; }

    /// <summary>The input's spatial dimensions, three as all below.</summary>
    public long[] Input { get; }

    /// <summary>The output's spatial dimensions.</summary>
    public long[] Output { get; }

    /// <summary>The size of a window.</summary>
    public long[] Kernel { get; }

    /// <summary>Elements between two windows.</summary>
    public long[] Strides { get; }

    /// <summary>Elements between two elements of a window.</summary>
    public long[] Dilations { get; }

    /// <summary>Padding in front.</summary>
    public long[] PadsBegin { get; }

    /// <summary>Padding behind.</summary>
    public long[] PadsEnd { get; }

    /// <summary>Elements in an input plane.</summary>
    public long InputPlane => Input[0] * Input[1] * Input[2];

    /// <summary>The most elements of the input that a window can cover.</summary>
    public long WindowElements => Math.Min(Kernel[0], Input[0]) * Math.Min(Kernel[1], Input[1]) * Math.Min(Kernel[2], Input[2]);

    /// <summary>Rows of the output, over all planes.</summary>
    public long OutputRows => Planes * Output[0] * Output[1];

    /// <summary>The position along <paramref name="axis"/> that element <paramref name="k"/> of window <paramref name="output"/> covers; may lie in the padding.</summary>
    public long Position(int axis, long output, long k) => output * Strides[axis] + k * Dilations[axis] - PadsBegin[axis];

    /// <summary>The elements of window <paramref name="output"/> along <paramref name="axis"/> that lie in the input: from First to, not including, End.</summary>
    public (long First, long End) Inside(int axis, long output)
    {
        long start = Position(axis, output, 0);
        long first = start >= 0 ? 0 : (-start + Dilations[axis] - 1) / Dilations[axis];
        return (first, Math.Max(first, Before(axis, start, Input[axis])));
    }

    /// <summary>For each window along <paramref name="axis"/>, how many of its elements count.</summary>
    /// <param name="axis">The spatial dimension.</param>
    /// <param name="includePads">Whether those in the padding do; those behind the padding never do.</param>
    public long[] Counts(int axis, bool includePads)
    {
        long[] counts = new long[Output[axis]];
        for (long i = 0; i < counts.Length; i++)
        {
            (long first, long end) = Inside(axis, i);
            counts[i] = includePads ? Before(axis, Position(axis, i, 0), Input[axis] + PadsEnd[axis]) : end - first;
        }

        return counts;
    }

    // How many elements of a window that starts at a position lie before a limit.
    private long Before(int axis, long start, long limit) =>
        start >= limit ? 0 : Math.Min(Kernel[axis], (limit - 1 - start) / Dilations[axis] + 1);

    private static long[] Extend(ReadOnlySpan<long> values, long filler)
    {
        long[] result = [filler, filler, filler];
        values.CopyTo(result.AsSpan(3 - values.Length));
        return result;
    }
}
