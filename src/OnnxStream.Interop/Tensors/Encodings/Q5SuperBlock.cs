using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>Q5_K: as Q4_K, with 32 bytes of fifth bits in between: the bits of a byte belong to the numbers at its position in each of the eight parts.</summary>
internal sealed unsafe class Q5SuperBlock() : BlockEncoding(13, "q5_k", 256, 176)
{
    /// <inheritdoc/>
    public override bool HasOffsets => true;

    /// <inheritdoc/>
    public override void Split(byte* source, long blocks, byte* integers, float* scales, float* offsets)
    {
        Vector256<byte> low = Vector256.Create((byte)15);
        Vector256<byte> fifth = Vector256.Create((byte)16);
        for (long block = 0; block < blocks; block++, source += Bytes, scales += SuperScales.Parts, offsets += SuperScales.Parts)
        {
            SuperScales.Read(source + 4, Single(source), Single(source + 2), scales, offsets);
            Vector256<byte> bits = Vector256.Load(source + 16);
            byte* pairs = source + 48;
            for (int part = 0; part < SuperScales.Parts; part += 2, pairs += 32, integers += 64)
            {
                Vector256<byte> both = Vector256.Load(pairs);
                ((both & low) | ((bits << 4) & fifth)).Store(integers);
                ((both >>> 4) | ((bits << 3) & fifth)).Store(integers + 32);
                bits >>>= 2;
            }
        }
    }
}
