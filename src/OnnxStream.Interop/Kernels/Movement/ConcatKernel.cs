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
internal sealed unsafe class ConcatKernel(long outer, CopiedBlock[] blocks, long stride) : RowKernel(outer * blocks.Length, blocks.Sum(block => block.Bytes) / Math.Max(1, blocks.Length), CopiedBytes)
{
    /// <inheritdoc/>
    public override string Name => "concatenate";

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void ComputeRows(KernelContext context, long first, long end)
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
