using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies the blocks of a tensor that tuples of indices name.</summary>
internal sealed unsafe class GatherTuplesKernel(IndexTuples tuples, int elementSize) : RowKernel(tuples.TupleCount, tuples.BlockElements * elementSize, CopiedBytes)
{
    private readonly IndexTuples _tuples = tuples;

    /// <inheritdoc/>
    public override string Name => "gather tuples";

    /// <inheritdoc/>
    protected override void Check(KernelContext context) => _tuples.Check(context, new IndexTensor(context, 1));

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        IndexTensor indices = new(context, 1);
        long bytes = _tuples.BlockElements * elementSize;
        for (long tuple = first; tuple < end; tuple++)
        {
            ShortCopy.Copy(context.Input(0) + _tuples.Offset(indices, tuple) * elementSize, context.Output(0) + tuple * bytes, bytes);
        }
    }
}
