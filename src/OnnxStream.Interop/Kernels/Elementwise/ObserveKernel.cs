using OnnxStream.Interop.Native;

namespace OnnxStream.Interop.Kernels;

/// <summary>Shows the elements of its input to somebody, and makes nothing.</summary>
/// <param name="elements">How many there are, in single precision.</param>
/// <param name="observer">Who looks at them.</param>
internal sealed unsafe class ObserveKernel(long elements, IValueObserver observer) : Kernel, IParallelBody
{
    // Large enough that what an observer does for each piece is little beside it, small enough for all threads to have some.
    private const int PieceElements = 256 << 10;

    private float* _elements;

    /// <inheritdoc/>
    public override string Name => "observe";

    /// <inheritdoc/>
    public override void Run(KernelContext context)
    {
        _elements = (float*)context.Input(0);
        context.Workers.Parallelize(this, checked((int)((elements + PieceElements - 1) / PieceElements)), elements);
    }

    /// <inheritdoc/>
    public void Execute(int index)
    {
        long first = (long)index * PieceElements;
        observer.Observe(new ReadOnlySpan<float>(_elements + first, (int)Math.Min(PieceElements, elements - first)));
    }
}
