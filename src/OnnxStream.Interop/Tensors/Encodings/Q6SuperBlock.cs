using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>Q6_K: the lower four bits of 256 integers, then their upper two, then 16 scales of 8 bits, and a scale of half precision that multiplies them; 32 is taken away from each integer.</summary>
internal sealed unsafe class Q6SuperBlock() : BlockEncoding(14, "q6_k", 256, 210)
{
    private const int Scales = 16;

    /// <inheritdoc/>
    public override int ScaleElements => 16;

    /// <inheritdoc/>
    public override void Split(byte* source, long blocks, byte* integers, float* scales, float* offsets)
    {
        Vector256<byte> low = Vector256.Create((byte)15);
        Vector256<byte> upper = Vector256.Create((byte)48);
        Vector256<byte> middle = Vector256.Create((byte)32);
        for (long block = 0; block < blocks; block++, source += Bytes, scales += Scales)
        {
            float scale = Single(source + 208);
            for (int i = 0; i < Scales; i++)
            {
                scales[i] = scale * (sbyte)source[192 + i];
            }

            // Each half has 128 integers: 64 bytes of lower bits, and 32 whose pairs of bits belong to four rows of 32.
            for (int half = 0; half < 2; half++, integers += 128)
            {
                Vector256<byte> first = Vector256.Load(source + half * 64), second = Vector256.Load(source + half * 64 + 32);
                Vector256<byte> bits = Vector256.Load(source + 128 + half * 32);
                (((first & low) | ((bits << 4) & upper)) - middle).Store(integers);
                (((second & low) | ((bits << 2) & upper)) - middle).Store(integers + 32);
                (((first >>> 4) | (bits & upper)) - middle).Store(integers + 64);
                (((second >>> 4) | ((bits >>> 2) & upper)) - middle).Store(integers + 96);
            }
        }
    }
}
