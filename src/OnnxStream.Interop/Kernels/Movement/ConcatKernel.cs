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
internal sealed unsafe class ConcatKernel(long outer, CopiedBlock[] blocks, long stride) : RowKernel(outer * blocks.Length, blocks.Sum(block => block.Bytes) / Math.Max(1, blocks.Length))
{
    /// <inheritdoc/>
    public override string Name => "concatenate";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            (long group, long input) = Math.DivRem(row, blocks.Length);
            CopiedBlock block = blocks[input];
            Buffer.MemoryCopy(context.Input((int)input) + group * block.Stride, context.Output(0) + group * stride + block.Offset, block.Bytes, block.Bytes);
        }
    }
}
