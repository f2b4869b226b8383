namespace OnnxStream.Interop.Kernels;

/// <summary>A matrix of zeros with another value on one of its diagonals.</summary>
internal sealed unsafe class DiagonalKernel(long rows, long columns, long diagonal, byte[] value) : RowKernel(rows, columns * value.Length, CopiedBytes)
{
    private readonly long _columns = columns;

    /// <inheritdoc/>
    public override string Name => "diagonal";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            Span<byte> output = new(context.Output(0) + row * _columns * value.Length, checked((int)(_columns * value.Length)));
            output.Clear();
            if (diagonal >= -row && diagonal < _columns - row)
            {
                value.CopyTo(output[(int)((row + diagonal) * value.Length)..]);
            }
        }
    }
}
