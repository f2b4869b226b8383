using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>A managed kernel that computes each element of its output on its own, with broadcasting, on all threads.</summary>
internal abstract unsafe class ElementwiseKernel : Kernel, IParallelBody
{
    /// <summary>Bytes that vectors read and write while a single-precision number is computed on its own.</summary>
    protected const long BytesPerOperation = 16;

    // Below this many elements, waking other threads costs more than it brings.
    private const long PieceElements = 16 << 10;

    private readonly Broadcasting _broadcasting;
    private readonly long _runsPerPiece;
    private readonly long _piecesPerRun;
    private readonly long _pieceLength;
    private KernelContext? _context;

    /// <summary>Makes a kernel for these shapes.</summary>
    protected ElementwiseKernel(Shape output, params ReadOnlySpan<Shape> inputs)
    {
        _broadcasting = new Broadcasting(output, inputs);
        long inner = Math.Max(1, _broadcasting.InnerLength);
        _runsPerPiece = Math.Max(1, PieceElements / inner);
        _piecesPerRun = Math.Max(1, (inner + PieceElements - 1) / PieceElements);
        _pieceLength = (inner + _piecesPerRun - 1) / _piecesPerRun;
    }

    /// <inheritdoc/>
    public sealed override void Run(KernelContext context)
    {
        _context = context;
        long pieces = (_broadcasting.OuterCount + _runsPerPiece - 1) / _runsPerPiece * _piecesPerRun;
        context.Workers.Parallelize(this, checked((int)pieces), Operations(_broadcasting.OuterCount * _broadcasting.InnerLength));
        _context = null;
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long firstRun = index / _piecesPerRun * _runsPerPiece;
        long lastRun = Math.Min(firstRun + _runsPerPiece, _broadcasting.OuterCount);
        long start = index % _piecesPerRun * _pieceLength;
        int length = (int)Math.Min(_pieceLength, _broadcasting.InnerLength - start);
        if (length <= 0)
        {
            return;
        }

        for (long run = firstRun; run < lastRun; run++)
        {
            ComputeRun(_context!, run, start, length);
        }
    }

    /// <summary>About how many single-precision operations some elements take, where it is known to be few; else more than all.</summary>
    protected virtual long Operations(long elements) => long.MaxValue;

    /// <summary>Computes elements <paramref name="start"/> to <paramref name="start"/> + <paramref name="length"/> of a run.</summary>
    protected abstract void ComputeRun(KernelContext context, long run, long start, int length);

    /// <summary>The index of the first element of an input for a part of a run.</summary>
    protected long InputIndex(int input, long run, long start) => _broadcasting.Offset(input, run) + start * _broadcasting.InnerStrides[input];

    /// <summary>The index of the first element of the output for a part of a run.</summary>
    protected long OutputIndex(long run, long start) => run * _broadcasting.InnerLength + start;

    /// <summary>How far apart an input's elements are inside a run: 0 if one repeats.</summary>
    protected long InnerStride(int input) => _broadcasting.InnerStrides[input];
}
