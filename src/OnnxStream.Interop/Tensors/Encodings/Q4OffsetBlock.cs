using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>Q4_1: a scale and an offset of half precision, then 32 integers of 4 bits.</summary>
internal sealed unsafe class Q4OffsetBlock() : BlockEncoding(3, "q4_1", NibbleBlock, 20)
{
    /// <inheritdoc/>
    public override ElementType Integers => ElementType.UInt4;

    /// <inheritdoc/>
    public override bool HasOffsets => true;

    /// <inheritdoc/>
    public override void Split(byte* source, long blocks, byte* integers, float* scales, float* offsets)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, integers += 16)
        {
            scales[block] = Single(source);
            offsets[block] = Single(source + 2);
            Vector128.Load(source + 4).Store(integers);
        }
    }
}
