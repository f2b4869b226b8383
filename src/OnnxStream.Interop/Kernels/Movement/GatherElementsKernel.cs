namespace OnnxStream.Interop.Kernels;

/// <summary>Takes each element of the output from the input's line along an axis through the same place.</summary>
internal sealed unsafe class GatherElementsKernel<T>(Shape data, Shape indices, int axis) : RowKernel(indices.ElementCount / Math.Max(1, indices[^1]), indices[^1] * sizeof(T))
    where T : unmanaged
{
    private readonly LinesAlongAxis _lines = new(data, indices, axis);

    /// <inheritdoc/>
    public override string Name => "gather elements";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        IndexTensor indices = new(context, 1);
        for (long row = first; row < end; row++)
        {
            // While they are in the cache.
            indices.Check(context, row * _lines.RowLength, _lines.RowLength, _lines.AxisSize);
            indices.Take(
                row * _lines.RowLength, _lines.RowLength, _lines.AxisSize, (T*)context.Input(0) + _lines.RowOffset(row), _lines.AxisStride, _lines.PlaceStride,
                (T*)context.Output(0) + row * _lines.RowLength);
        }
    }
}
