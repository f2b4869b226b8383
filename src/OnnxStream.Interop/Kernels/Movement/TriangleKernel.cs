namespace OnnxStream.Interop.Kernels;

/// <summary>Copies the upper or the lower triangle of matrices and sets the rest to zero. The second input, if there is one, says which diagonal is the border.</summary>
internal sealed unsafe class TriangleKernel<T>(long matrices, long rows, long columns, bool upper, bool hasDiagonal) : RowKernel(matrices * rows, columns * sizeof(T), CopiedBytes)
    where T : unmanaged
{
    private readonly long _rows = rows;
    private readonly int _columns = checked((int)columns);

    /// <inheritdoc/>
    public override string Name => "triangle";

    /// <inheritdoc/>
    public override bool CanRunInPlace(int input) => input == 0;

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        long diagonal = hasDiagonal ? Math.Clamp(new IndexTensor(context, 1)[0], -_rows, _columns) : 0;
        for (long row = first; row < end; row++)
        {
            // The upper triangle keeps columns from the border on, the lower one those up to and with it.
            int border = (int)Math.Clamp(row % _rows + diagonal + (upper ? 0 : 1), 0, _columns);
            ReadOnlySpan<T> input = new((T*)context.Input(0) + row * _columns, _columns);
            Span<T> output = new((T*)context.Output(0) + row * _columns, _columns);
            Range kept = upper ? border.. : ..border;
            Range cleared = upper ? ..border : border..;
            input[kept].CopyTo(output[kept]);
            output[cleared].Clear();
        }
    }
}
