using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Copies the blocks of a tensor that indices name.</summary>
/// <param name="outer">How many times the indices are applied: the product of the dimensions before the axis.</param>
/// <param name="axisSize">The number of blocks to choose from.</param>
/// <param name="indexCount">The number of indices.</param>
/// <param name="blockBytes">The bytes of a block: all behind the axis.</param>
internal sealed unsafe class GatherKernel(long outer, long axisSize, long indexCount, long blockBytes) : RowKernel(outer * indexCount, blockBytes, Math.Clamp(blockBytes, 1, CopiedBytes))
{
    private readonly long _blockBytes = blockBytes;

    // Indices that are used once are looked at while they are in the cache.
    private readonly bool _isUsedOnce = outer == 1;

    /// <inheritdoc/>
    public override string Name => "gather";

    /// <inheritdoc/>
    protected override void Check(KernelContext context)
    {
        if (!_isUsedOnce)
        {
            new IndexTensor(context, 1).Check(context, indexCount, axisSize);
        }
    }

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        IndexTensor indices = new(context, 1);
        if (_isUsedOnce)
        {
            indices.Check(context, first, end - first, axisSize);
        }

        while (first < end)
        {
            (long group, long index) = Math.DivRem(first, indexCount);
            long count = Math.Min(end - first, indexCount - index);
            byte* source = context.Input(0) + group * axisSize * _blockBytes;
            byte* destination = context.Output(0) + first * _blockBytes;
            switch (_blockBytes)
            {
                case 8:
                    indices.Take(index, count, axisSize, (long*)source, 1, 0, (long*)destination);
                    break;
                case 4:
                    indices.Take(index, count, axisSize, (int*)source, 1, 0, (int*)destination);
                    break;
                case 2:
                    indices.Take(index, count, axisSize, (short*)source, 1, 0, (short*)destination);
                    break;
                case 1:
                    indices.Take(index, count, axisSize, source, 1, 0, destination);
                    break;
                default:
                    CopyBlocks(indices, index, count, source, destination);
                    break;
            }

            first += count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyBlocks(IndexTensor indices, long first, long count, byte* source, byte* destination)
    {
        for (long i = 0; i < count; i++, destination += _blockBytes)
        {
            ShortCopy.Copy(source + indices.Resolve(first + i, axisSize) * _blockBytes, destination, _blockBytes);
        }
    }
}
