using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Which block of a tensor is meant by each tuple of indices into its outer dimensions (behind some batch dimensions).</summary>
internal sealed class IndexTuples
{
    private readonly long[] _sizes;
    private readonly long[] _strides;
    private readonly long _tuplesPerBatch;
    private readonly long _batchStride;

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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Check(KernelContext context, IndexTensor indices)
    {
        if (_sizes.Length == 1)
        {
            indices.Check(context, TupleCount, _sizes[0]);
            return;
        }

        for (long tuple = 0; tuple < TupleCount; tuple++)
        {
            for (int i = 0; i < _sizes.Length; i++)
            {
                IndexTensor.CheckOne(context, indices[tuple * _sizes.Length + i], _sizes[i]);
            }
        }
    }

    /// <summary>The first element of the block that a tuple means.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public long Offset(IndexTensor indices, long tuple)
    {
        long offset = _tuplesPerBatch == 0 ? 0 : tuple / _tuplesPerBatch * _batchStride;
        for (int i = 0; i < _sizes.Length; i++)
        {
            offset += indices.Resolve(tuple * _sizes.Length + i, _sizes[i]) * _strides[i];
        }

        return offset;
    }
}
