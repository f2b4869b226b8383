using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>A managed kernel whose work is a number of equal rows that do not depend on each other, computed on all threads.</summary>
/// <param name="rows">The number of rows.</param>
/// <param name="rowBytes">About how many bytes one row reads or writes.</param>
/// <param name="bytesPerOperation">How many bytes take as long as one single-precision operation: more where they are only copied.</param>
internal abstract class RowKernel(long rows, long rowBytes, long bytesPerOperation = sizeof(float)) : Kernel, IParallelBody
{
    /// <summary>Bytes that are copied while a single-precision number is computed.</summary>
    protected const long CopiedBytes = 32;

    // Below this many bytes, waking other threads costs more than it brings.
    private const long PieceBytes = 64 << 10;

    private readonly long _rowsPerPiece = Math.Max(1, PieceBytes / Math.Max(1, rowBytes));

    // In double precision, because nothing bounds the product.
    private readonly long _operations = (long)Math.Min(long.MaxValue / 2, (double)rows * rowBytes / bytesPerOperation);
    private KernelContext? _context;

    /// <inheritdoc/>
    public sealed override void Run(KernelContext context)
    {
        Check(context);
        _context = context;
        context.Workers.Parallelize(this, checked((int)((rows + _rowsPerPiece - 1) / _rowsPerPiece)), _operations);
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long first = index * _rowsPerPiece;
        ComputeRows(_context!, first, Math.Min(first + _rowsPerPiece, rows));
    }

    /// <summary>Looks at what only the run can tell, such as indices, before anything is written.</summary>
    /// <exception cref="InvalidInputException">The kernel cannot compute with these values.</exception>
    protected virtual void Check(KernelContext context)
    {
    }

    /// <summary>Computes rows <paramref name="first"/> to, not including, <paramref name="end"/>.</summary>
    protected abstract void ComputeRows(KernelContext context, long first, long end);
}
