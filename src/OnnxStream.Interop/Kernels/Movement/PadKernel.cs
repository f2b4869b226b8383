using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>What stands beside the elements that are padded.</summary>
internal enum PadMode
{
    Constant,
    Reflect,
    Edge,
    Wrap,
}

/// <summary>How one dimension is padded: from which position of the input each position of the output is taken.</summary>
/// <param name="Mode">What stands beside the elements.</param>
/// <param name="First">The first position of the input that is kept.</param>
/// <param name="Kept">The number of positions that are kept.</param>
/// <param name="Before">Positions of the output before the kept ones.</param>
/// <param name="Length">Positions of the output in all.</param>
internal readonly record struct PadDimension(PadMode Mode, long First, long Kept, long Before, long Length)
{
    /// <summary>The position of the input, or -1 for the value that is padded with.</summary>
    public long Source(long position)
    {
        position -= Before;
        return position >= 0 && position < Kept ? First + position : Mode switch
        {
            PadMode.Constant => -1,
            PadMode.Edge => First + Math.Clamp(position, 0, Kept - 1),
            PadMode.Wrap => First + Modulo(position, Kept),
            _ => First + Mirror(position, Kept),
        };
    }

    // The border itself is not repeated: 2 1 | 0 1 2 | 1 0.
    private static long Mirror(long position, long size)
    {
        if (size == 1)
        {
            return 0;
        }

        long inPeriod = Modulo(position, 2 * (size - 1));
        return inPeriod < size ? inPeriod : 2 * (size - 1) - inPeriod;
    }

    private static long Modulo(long value, long divisor) => (value % divisor + divisor) % divisor;
}

/// <summary>Adds elements around a tensor, and takes some away.</summary>
internal sealed unsafe class PadKernel : RowKernel
{
    private readonly PadDimension[] _outer;
    private readonly long[] _strides;
    private readonly PadDimension _inner;
    private readonly long _innerStride;
    private readonly long _blockElements;
    private readonly int _elementSize;
    private readonly byte[]? _value;
    private readonly long[] _sources = [];

    /// <summary>Makes the kernel.</summary>
    /// <param name="elementSize">The size of an element.</param>
    /// <param name="input">The input's shape.</param>
    /// <param name="dimensions">How each of its dimensions is padded.</param>
    /// <param name="value">The value that is padded with; null if it is the second input.</param>
    public PadKernel(int elementSize, Shape input, PadDimension[] dimensions, byte[]? value)
        : this(elementSize, input, dimensions, value, InnerAxis(input, dimensions))
    {
    }

    private PadKernel(int elementSize, Shape input, PadDimension[] dimensions, byte[]? value, int innerAxis)
        : base(dimensions.Take(innerAxis).Aggregate(1L, (product, dimension) => checked(product * dimension.Length)), (innerAxis < 0 ? 1 : dimensions[innerAxis].Length) * input.Product(innerAxis + 1, input.Rank) * elementSize)
    {
        _elementSize = elementSize;
        _value = value;
        _blockElements = input.Product(innerAxis + 1, input.Rank);
        _outer = dimensions[..Math.Max(0, innerAxis)];
        _strides = input.RowMajorStrides();
        _inner = innerAxis < 0 ? new PadDimension(PadMode.Constant, 0, 1, 0, 1) : dimensions[innerAxis];
        _innerStride = innerAxis < 0 ? 0 : _strides[innerAxis];
        if (_inner.Mode is PadMode.Reflect or PadMode.Wrap)
        {
            // The same for every row: where the elements that are not kept come from.
            _sources = new long[_inner.Length - _inner.Kept];
            for (int i = 0; i < _sources.Length; i++)
            {
                _sources[i] = _inner.Source(i < _inner.Before ? i : i + _inner.Kept);
            }
        }
    }

    /// <inheritdoc/>
    public override string Name => "pad";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        long blockBytes = _blockElements * _elementSize;
        fixed (byte* own = _value)
        {
            byte* value = own is not null ? own : context.Input(1);
            long* positions = stackalloc long[_outer.Length];
            Find(first, positions);
            for (long row = first; row < end; row++)
            {
                long element = 0;
                bool outside = false;
                for (int i = 0; i < _outer.Length; i++)
                {
                    long source = _outer[i].Source(positions[i]);
                    outside |= source < 0;
                    element += source * _strides[i];
                }

                for (int i = _outer.Length - 1; i >= 0 && ++positions[i] == _outer[i].Length; i--)
                {
                    positions[i] = 0;
                }

                byte* output = context.Output(0) + row * _inner.Length * blockBytes;
                if (outside)
                {
                    FillKernel.Fill(output, _inner.Length * _blockElements, value, _elementSize);
                    continue;
                }

                byte* input = context.Input(0) + element * _elementSize;
                PadEdge(input, output, 0, _inner.Before, value);
                if (_inner.Kept > 0)
                {
                    ShortCopy.Copy(input + _inner.First * _innerStride * _elementSize, output + _inner.Before * blockBytes, _inner.Kept * blockBytes);
                }

                PadEdge(input, output, _inner.Before + _inner.Kept, _inner.Length, value);
            }
        }
    }

    // The positions of a row in the outer dimensions.
    private void Find(long row, long* positions)
    {
        for (int i = _outer.Length - 1; i >= 0; i--)
        {
            (row, positions[i]) = Math.DivRem(row, _outer[i].Length);
        }
    }

    // Positions of the innermost padded dimension that are not kept.
    private void PadEdge(byte* input, byte* output, long first, long end, byte* value)
    {
        if (_inner.Mode == PadMode.Constant)
        {
            FillKernel.Fill(output + first * _blockElements * _elementSize, (end - first) * _blockElements, value, _elementSize);
            return;
        }

        switch (_blockElements == 1 ? _elementSize : 0)
        {
            case 1:
                CopyEdge(input, output, first, end);
                break;
            case 2:
                CopyEdge((short*)input, (short*)output, first, end);
                break;
            case 4:
                CopyEdge((int*)input, (int*)output, first, end);
                break;
            case 8:
                CopyEdge((long*)input, (long*)output, first, end);
                break;
            default:
                long blockBytes = _blockElements * _elementSize;
                for (long position = first; position < end; position++)
                {
                    ShortCopy.Copy(input + _inner.Source(position) * _innerStride * _elementSize, output + position * blockBytes, blockBytes);
                }

                break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyEdge<T>(T* input, T* output, long first, long end)
        where T : unmanaged
    {
        if (_inner.Mode == PadMode.Edge && first < end)
        {
            // One element for all.
            new Span<T>(output + first, checked((int)(end - first))).Fill(input[_inner.Source(first) * _innerStride]);
            return;
        }

        for (long position = first; position < end; position++)
        {
            output[position] = input[_sources[position < _inner.Before ? position : position - _inner.Kept] * _innerStride];
        }
    }

    // The last dimension that changes: all behind it is copied as a block.
    private static int InnerAxis(Shape input, PadDimension[] dimensions)
    {
        int axis = input.Rank - 1;
        while (axis >= 0 && dimensions[axis].Kept == input[axis] && dimensions[axis].Length == input[axis])
        {
            axis--;
        }

        return axis;
    }
}
