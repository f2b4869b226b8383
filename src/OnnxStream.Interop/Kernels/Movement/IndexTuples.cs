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
        long* offsets = stackalloc long[MostOffsets];
        for (long tuple = 0; tuple < TupleCount; tuple += MostOffsets)
        {
            FindOffsets(context, indices, tuple, (int)Math.Min(MostOffsets, TupleCount - tuple), offsets);
        }
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
