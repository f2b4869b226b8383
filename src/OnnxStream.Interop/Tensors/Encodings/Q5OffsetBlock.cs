using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Q5_1: a scale and an offset of half precision, the fifth bits of 32 integers, then their other four.</summary>
internal sealed unsafe class Q5OffsetBlock() : BlockEncoding(7, "q5_1", NibbleBlock, 24)
{
    /// <inheritdoc/>
    public override bool HasOffsets => true;

    /// <inheritdoc/>
    public override void Split(byte* source, long blocks, byte* integers, float* scales, float* offsets)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, integers += Elements)
        {
            scales[block] = Single(source);
            offsets[block] = Single(source + 2);
            FifthBits.Join(source + 8, Unsafe.ReadUnaligned<uint>(source + 4), integers);
        }
    }
}
