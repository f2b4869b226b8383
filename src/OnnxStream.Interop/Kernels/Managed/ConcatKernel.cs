namespace OnnxStream.Interop.Kernels.Managed;

/// <summary>Copies blocks of several inputs behind each other into the output.</summary>
/// <param name="outer">How many blocks each input has: the product of the dimensions before the axis.</param>
/// <param name="blockBytes">For each input, the bytes of one of its blocks.</param>
internal sealed unsafe class ConcatKernel(long outer, long[] blockBytes) : RowKernel(outer * blockBytes.Length, blockBytes.Sum() / Math.Max(1, blockBytes.Length))
{
    private readonly long[] _offsets = Offsets(blockBytes);
    private readonly long _groupBytes = blockBytes.Sum();

    /// <inheritdoc/>
    public override string Name => "concatenate";

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            (long group, long input) = Math.DivRem(row, blockBytes.Length);
            long bytes = blockBytes[input];
            Buffer.MemoryCopy(context.Input((int)input) + group * bytes, context.Output(0) + group * _groupBytes + _offsets[input], bytes, bytes);
        }
    }

    private static long[] Offsets(long[] lengths)
    {
        long[] offsets = new long[lengths.Length];
        for (int i = 1; i < offsets.Length; i++)
        {
            offsets[i] = offsets[i - 1] + lengths[i - 1];
        }

        return offsets;
    }
}
