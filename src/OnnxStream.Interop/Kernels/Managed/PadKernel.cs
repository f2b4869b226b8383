namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>Builds a tensor whose elements are, along each dimension, picked from another one's or equal to one value.</summary>
internal sealed unsafe class PadKernel : RowKernel
{
    private readonly long[][] _sources;
    private readonly long[] _strides;
    private readonly (long Start, long Source, long Length)[] _innerRuns;
    private readonly long _blockElements;
    private readonly long _rowBlocks;
    private readonly int _elementSize;
    private readonly byte[]? _value;

    /// <summary>Makes the kernel.</summary>
    /// <param name="elementSize">The size of an element.</param>
    /// <param name="input">The input's shape.</param>
    /// <param name="sources">For each dimension and each position of the output along it, the input's position, or -1 for the value.</param>
    /// <param name="value">The value; null if it is the second input.</param>
    public PadKernel(int elementSize, Shape input, long[][] sources, byte[]? value)
        : this(elementSize, input, sources, value, InnerAxis(input, sources))
    {
    }

    private PadKernel(int elementSize, Shape input, long[][] sources, byte[]? value, int innerAxis)
        : base(Product(sources, innerAxis), (innerAxis < 0 ? 1 : sources[innerAxis].Length) * input.Product(innerAxis + 1, input.Rank) * elementSize)
    {
        _elementSize = elementSize;
        _value = value;
        _blockElements = input.Product(innerAxis + 1, input.Rank);
        _strides = input.RowMajorStrides()[..Math.Max(0, innerAxis)];
        _sources = sources[..Math.Max(0, innerAxis)];
        _rowBlocks = innerAxis < 0 ? 1 : sources[innerAxis].Length;
        _innerRuns = innerAxis < 0 ? [(0, 0, 1)] : Runs(sources[innerAxis]);
        InnerStride = innerAxis < 0 ? 0 : input.RowMajorStrides()[innerAxis];
    }

    /// <inheritdoc/>
    public override string Name => "pad";

    private long InnerStride { get; }

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        long blockBytes = _blockElements * _elementSize;
        fixed (byte* own = _value)
        {
            byte* value = own is not null ? own : context.Input(1);
            for (long row = first; row < end; row++)
            {
                long element = 0;
                bool outside = false;
                long rest = row;
                for (int i = _sources.Length - 1; i >= 0; i--)
                {
                    (rest, long position) = Math.DivRem(rest, _sources[i].Length);
                    long source = _sources[i][position];
                    outside |= source < 0;
                    element += source * _strides[i];
                }

                byte* destination = context.Output(0) + row * _rowBlocks * blockBytes;
                if (outside)
                {
                    FillKernel.Fill(destination, _rowBlocks * _blockElements, value, _elementSize);
                    continue;
                }

                foreach ((long start, long source, long length) in _innerRuns)
                {
                    if (source < 0)
                    {
                        FillKernel.Fill(destination + start * blockBytes, length * _blockElements, value, _elementSize);
                    }
                    else
                    {
                        Buffer.MemoryCopy(context.Input(0) + (element + source * InnerStride) * _elementSize, destination + start * blockBytes, length * blockBytes, length * blockBytes);
                    }
                }
            }
        }
    }

    // The last dimension that changes: all behind it is copied as a block.
    private static int InnerAxis(Shape input, long[][] sources)
    {
        int axis = input.Rank - 1;
        while (axis >= 0 && sources[axis].Length == input[axis] && sources[axis].Select((source, i) => source == i).All(same => same))
        {
            axis--;
        }

        return axis;
    }

    private static long Product(long[][] sources, int end)
    {
        long product = 1;
        for (int i = 0; i < end; i++)
        {
            product = checked(product * sources[i].Length);
        }

        return product;
    }

    private static (long Start, long Source, long Length)[] Runs(long[] sources)
    {
        List<(long Start, long Source, long Length)> runs = [];
        for (int i = 0; i < sources.Length; i++)
        {
            if (runs.Count > 0 && runs[^1] is var last && (last.Source < 0 ? sources[i] < 0 : sources[i] == last.Source + last.Length))
            {
                runs[^1] = last with { Length = last.Length + 1 };
            }
            else
            {
                runs.Add((i, sources[i], 1));
            }
        }

        return [.. runs];
    }
}
