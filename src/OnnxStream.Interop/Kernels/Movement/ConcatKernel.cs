using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>The blocks of an input, which come at equal distances in it and in the output.</summary>
/// <param name="Bytes">The bytes of a block.</param>
/// <param name="Stride">Bytes from one block to the next in the input.</param>
/// <param name="Offset">Where the first block goes in the output.</param>
internal readonly record struct CopiedBlock(long Bytes, long Stride, long Offset);

/// <summary>Copies blocks of several inputs behind each other into the output.</summary>
/// <param name="outer">How many blocks each input has: the product of the dimensions before the axis.</param>
/// <param name="blocks">For each input, its blocks.</param>
/// <param name="stride">Bytes from one group of blocks to the next in the output.</param>
internal sealed unsafe class ConcatKernel(long outer, CopiedBlock[] blocks, long stride) : RowKernel(outer * blocks.Length, blocks.Sum(block => block.Bytes) / Math.Max(1, blocks.Length), Math.Clamp(blocks.Sum(block => block.Bytes) / Math.Max(1, blocks.Length), 1, CopiedBytes))
{
    private readonly bool _isShort = Array.TrueForAll(blocks, block => block.Bytes <= ShortCopy.LongestEach);

    /// <inheritdoc/>
    public override string Name => "concatenate";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        // Whole groups of short blocks are copied input by input: their lengths are constants of the loops.
        long firstGroup = (first + blocks.Length - 1) / blocks.Length;
        long endGroup = end / blocks.Length;
        if (_isShort && firstGroup < endGroup)
        {
            CopyBlocks(context, first, firstGroup * blocks.Length);
            for (int input = 0; input < blocks.Length; input++)
            {
                CopiedBlock block = blocks[input];
                ShortCopy.CopyEach(context.Input(input) + firstGroup * block.Stride, block.Stride, context.Output(0) + firstGroup * stride + block.Offset, stride, block.Bytes, endGroup - firstGroup);
            }

            first = endGroup * blocks.Length;
        }

        CopyBlocks(context, first, end);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyBlocks(KernelContext context, long first, long end)
    {
        (long group, long input) = Math.DivRem(first, blocks.Length);
        for (long row = first; row < end; row++)
        {
            CopiedBlock block = blocks[input];
            ShortCopy.Copy(context.Input((int)input) + group * block.Stride, context.Output(0) + group * stride + block.Offset, block.Bytes);
            if (++input == blocks.Length)
            {
                input = 0;
                group++;
            }
        }
    }
}
