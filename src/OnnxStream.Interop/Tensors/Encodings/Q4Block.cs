using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>Q4_0: a scale of half precision, then 32 integers of 4 bits, from which 8 is taken away.</summary>
internal sealed unsafe class Q4Block() : BlockEncoding(2, "q4_0", NibbleBlock, 18)
{
    /// <inheritdoc/>
    public override ElementType Integers => ElementType.UInt4;

    /// <inheritdoc/>
    public override float ZeroPoint => 8;

    /// <inheritdoc/>
    public override void Split(byte* source, long blocks, byte* integers, float* scales, float* offsets)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, integers += 16)
        {
            scales[block] = Single(source);
            Vector128.Load(source + 2).Store(integers);
        }
    }
}
