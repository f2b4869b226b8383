using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Which block of a tensor is meant by each tuple of indices into its outer dimensions (behind some batch dimensions).</summary>
internal sealed class IndexTuples
{
    private readonly long[] _sizes;
    private readonly long[] _strides;
    private readonly long _tuplesPerBatch;
    private readonly long _batchStride;

    /// <summary>The most tuples that <see cref="FindOffsets"/> takes at a time.</summary>
    public const int MostOffsets = 256;

    /// <summary>Prepares for these shapes.</summary>
    /// <param name="data">The tensor's shape.</param>
    /// <param name="indices">The shape of the index tensor, whose innermost dimension holds the tuples.</param>
    /// <param name="batchDimensions">The number of dimensions that both share.</param>
    public IndexTuples(Shape data, Shape indices, int batchDimensions)
    {
        int length = (int)indices[^1];
        long[] strides = data.RowMajorStrides();
        _sizes = [.. data.Dimensions.Slice(batchDimensions, length)];
        _strides = strides[batchDimensions..(batchDimensions + length)];
        BlockElements = data.Product(batchDimensions + length, data.Rank);
        TupleCount = indices.Product(0, indices.Rank - 1);
        _tuplesPerBatch = indices.Product(batchDimensions, indices.Rank - 1);
        _batchStride = data.Product(batchDimensions, data.Rank);
    }

    /// <summary>The number of tuples.</summary>
    public long TupleCount { get; }

    /// <summary>The number of elements that a tuple means.</summary>
    public long BlockElements { get; }

    /// <summary>Throws unless all indices are inside of their dimensions.</summary>
    /// <exception cref="InvalidInputException">One is not.</exception>
    public unsafe void Check(KernelContext context, IndexTensor indices)
    {
        if (indices.Wide is var wide && wide is not null && AreInside(wide))
        {
            return;
        }

        long* offsets = stackalloc long[MostOffsets];
        for (long tuple = 0; tuple < TupleCount; tuple += MostOffsets)
        {
            FindOffsets(context, indices, tuple, (int)Math.Min(MostOffsets, TupleCount - tuple), offsets);
        }
    }

    // Vector by vector: sizes repeat after as many vectors as a tuple is long.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe bool AreInside(long* indices)
    {
        int width = Vector<long>.Count;
        Vector<long>* sizes = stackalloc Vector<long>[_sizes.Length];
        for (int i = 0; i < _sizes.Length * width; i++)
        {
            ((long*)sizes)[i] = _sizes[i % _sizes.Length];
        }

        long count = TupleCount * _sizes.Length;
        Vector<long> outside = Vector<long>.Zero;
        long next = 0;
        for (int k = 0; next <= count - width; next += width)
        {
            // Negative ones count from the end. Of an index that is outside, one of both is negative.
            Vector<long> index = Vector.Load(indices + next);
            outside |= (index + sizes[k]) | (sizes[k] - Vector<long>.One - index);
            k = k == _sizes.Length - 1 ? 0 : k + 1;
        }

        bool areInside = Vector.GreaterThanOrEqualAll(outside, Vector<long>.Zero);
        for (; next < count; next++)
        {
            long size = _sizes[next % _sizes.Length];
            areInside &= indices[next] >= -size && indices[next] < size;
        }

        return areInside;
    }

    /// <summary>Finds the first elements of the blocks that some tuples mean.</summary>
    /// <param name="context">The run.</param>
    /// <param name="indices">The indices of all tuples.</param>
    /// <param name="first">The first tuple.</param>
    /// <param name="count">The number of tuples, at most <see cref="MostOffsets"/>.</param>
    /// <param name="offsets">Receives the elements' places.</param>
    /// <exception cref="InvalidInputException">An index is outside of its dimension.</exception>
    public unsafe void FindOffsets(KernelContext context, IndexTensor indices, long first, int count, long* offsets)
    {
        int length = _sizes.Length;
        bool areInside = indices.Wide is var wide && wide is not null && length == 2
            ? FindPairs(wide + 2 * first, count, offsets)
            : FindAll(indices, first, count, offsets);
        for (long i = first * length; i < (first + count) * length && !areInside; i++)
        {
            IndexTensor.CheckOne(context, indices[i], _sizes[i % length]);
        }

        for (int i = 0; i < count && _batchStride != 0 && _tuplesPerBatch < TupleCount; i++)
        {
            offsets[i] += (first + i) / _tuplesPerBatch * _batchStride;
        }
    }

    // The most common case. Returns whether all indices are inside of their dimensions.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe bool FindPairs(long* indices, int count, long* offsets)
    {
        (long rows, long columns, long rowStride, long columnStride) = (_sizes[0], _sizes[1], _strides[0], _strides[1]);
        bool areInside = true;
        for (int i = 0; i < count; i++)
        {
            long row = indices[2 * i];
            long column = indices[2 * i + 1];
            row += (row >> 63) & rows;
            column += (column >> 63) & columns;
            areInside &= (ulong)row < (ulong)rows & (ulong)column < (ulong)columns;
            offsets[i] = row * rowStride + column * columnStride;
        }

        return areInside;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe bool FindAll(IndexTensor indices, long first, int count, long* offsets)
    {
        bool areInside = true;
        long next = first * _sizes.Length;
        for (int i = 0; i < count; i++)
        {
            long offset = 0;
            for (int k = 0; k < _sizes.Length; k++)
            {
                long index = indices.Resolve(next++, _sizes[k]);
                areInside &= (ulong)index < (ulong)_sizes[k];
                offset += index * _strides[k];
            }

            offsets[i] = offset;
        }

        return areInside;
    }
}
