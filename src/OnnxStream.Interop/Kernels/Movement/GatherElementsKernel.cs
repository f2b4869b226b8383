namespace OnnxStream.Interop.Kernels;

/// <summary>Takes each element of the output from the input's line along an axis through the same place.</summary>
internal sealed unsafe class GatherElementsKernel<T>(Shape data, Shape indices, int axis) : RowKernel(indices.ElementCount / Math.Max(1, indices[^1]), indices[^1] * sizeof(T))
    where T : unmanaged
{
    private readonly LinesAlongAxis _lines = new(data, indices, axis);

    /// <inheritdoc/>
    public override string Name => "gather elements";

    /// <inheritdoc/>
    protected override void Check(KernelContext context) => new IndexTensor(context, 1).Check(context, _lines.IndexCount, _lines.AxisSize);

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        IndexTensor indices = new(context, 1);
        for (long row = first; row < end; row++)
        {
            T* data = (T*)context.Input(0) + _lines.RowOffset(row);
            T* output = (T*)context.Output(0) + row * _lines.RowLength;
            for (long i = 0; i < _lines.RowLength; i++)
            {
                output[i] = data[_lines.ElementOffset(indices, row, i)];
            }
        }
    }
}
