using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>Q4_K: two scales of half precision, eight scales and offsets of 6 bits that they multiply, then 256 integers of 4 bits: of 64, the first 32 in the lower halves of bytes.</summary>
internal sealed unsafe class Q4SuperBlock() : BlockEncoding(12, "q4_k", 256, 144)
{
    /// <inheritdoc/>
    public override ElementType Integers => ElementType.UInt4;

    /// <inheritdoc/>
    public override bool HasOffsets => true;

    /// <inheritdoc/>
    public override void Split(byte* source, long blocks, byte* integers, float* scales, float* offsets)
    {
        Vector128<byte> low = Vector128.Create((byte)15);
        for (long block = 0; block < blocks; block++, source += Bytes, scales += SuperScales.Parts, offsets += SuperScales.Parts)
        {
            SuperScales.Read(source + 4, Single(source), Single(source + 2), scales, offsets);
            for (byte* pairs = source + 16; pairs < source + Bytes; pairs += 32, integers += 32)
            {
                Vector128<byte> first = Vector128.Load(pairs), second = Vector128.Load(pairs + 16);
                ((first & low) | (second << 4)).Store(integers);
                ((first >>> 4) | (second & ~low)).Store(integers + 16);
            }
        }
    }
}
