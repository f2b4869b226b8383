namespace OnnxStream.Interop.Kernels.Managed;

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

    /// <summary>Rows of the output, over all planes.</summary>
    public long OutputRows => Planes * Output[0] * Output[1];

    /// <summary>The position along <paramref name="axis"/> that element <paramref name="k"/> of window <paramref name="output"/> covers; may lie in the padding.</summary>
    public long Position(int axis, long output, long k) => output * Strides[axis] + k * Dilations[axis] - PadsBegin[axis];

    /// <summary>For each window along <paramref name="axis"/>, how many of its elements count.</summary>
    /// <param name="axis">The spatial dimension.</param>
    /// <param name="includePads">Whether those in the padding do; those behind the padding never do.</param>
    public long[] Counts(int axis, bool includePads)
    {
        long[] counts = new long[Output[axis]];
        for (long i = 0; i < counts.Length; i++)
        {
            for (long k = 0; k < Kernel[axis]; k++)
            {
                long position = Position(axis, i, k);
                counts[i] += (includePads ? position < Input[axis] + PadsEnd[axis] : position >= 0 && position < Input[axis]) ? 1 : 0;
            }
        }

        return counts;
    }

    private static long[] Extend(ReadOnlySpan<long> values, long filler)
    {
        long[] result = [filler, filler, filler];
        values.CopyTo(result.AsSpan(3 - values.Length));
        return result;
    }
}
