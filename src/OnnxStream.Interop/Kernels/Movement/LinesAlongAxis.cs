namespace OnnxStream.Interop.Kernels;

/// <summary>Which element of a tensor is meant by an index at some place of an index tensor of the same rank: the one at the same place, but at the index along an axis.</summary>
/// <remarks>The index tensor is walked in rows, its innermost dimension.</remarks>
internal sealed class LinesAlongAxis
{
    private readonly long[] _outer;
    private readonly long[] _strides;
    private readonly long _axisStride;
    private readonly bool _isInnermost;

    /// <summary>Prepares for these shapes.</summary>
    public LinesAlongAxis(Shape data, Shape indices, int axis)
    {
        long[] strides = data.RowMajorStrides();
        _axisStride = strides[axis];
        strides[axis] = 0;
        _strides = strides[..^1];
        _outer = [.. indices.Dimensions[..^1]];
        _isInnermost = axis == data.Rank - 1;
        AxisSize = data[axis];
        IndexCount = indices.ElementCount;
        RowLength = indices[^1];
    }

    /// <summary>The size of the dimension that indices choose from.</summary>
    public long AxisSize { get; }

    /// <summary>The number of indices.</summary>
    public long IndexCount { get; }

    /// <summary>The number of indices in a row.</summary>
    public long RowLength { get; }

    /// <summary>The element that a row's places are counted from.</summary>
    public long RowOffset(long row)
    {
        long offset = 0;
        for (int i = _outer.Length - 1; i >= 0; i--)
        {
            (row, long position) = Math.DivRem(row, _outer[i]);
            offset += position * _strides[i];
        }

        return offset;
    }

    /// <summary>Elements from one index along the axis to the next.</summary>
    public long AxisStride => _axisStride;

    /// <summary>Elements from one place of a row to the next, for the same index.</summary>
    public int PlaceStride => _isInnermost ? 0 : 1;
}
