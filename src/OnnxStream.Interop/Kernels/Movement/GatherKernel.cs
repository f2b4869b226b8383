using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies the blocks of a tensor that indices name.</summary>
/// <param name="outer">How many times the indices are applied: the product of the dimensions before the axis.</param>
/// <param name="axisSize">The number of blocks to choose from.</param>
/// <param name="indexCount">The number of indices.</param>
/// <param name="blockBytes">The bytes of a block: all behind the axis.</param>
internal sealed unsafe class GatherKernel(long outer, long axisSize, long indexCount, long blockBytes) : RowKernel(outer * indexCount, blockBytes, CopiedBytes)
{
    private readonly long _blockBytes = blockBytes;

    /// <inheritdoc/>
    public override string Name => "gather";

    /// <inheritdoc/>
    protected override void Check(KernelContext context) => new IndexTensor(context, 1).Check(context, indexCount, axisSize);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        IndexTensor indices = new(context, 1);
        for (long row = first; row < end; row++)
        {
            (long group, long i) = Math.DivRem(row, indexCount);
            byte* source = context.Input(0) + (group * axisSize + indices.Resolve(i, axisSize)) * _blockBytes;
            byte* destination = context.Output(0) + row * _blockBytes;
            switch (_blockBytes)
            {
                case 8:
                    *(long*)destination = *(long*)source;
                    break;
                case 4:
                    *(int*)destination = *(int*)source;
                    break;
                default:
                    ShortCopy.Copy(source, destination, _blockBytes);
                    break;
            }
        }
    }
}
