using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>Q8_0: a scale of half precision, then 32 integers of 8 bits.</summary>
internal sealed unsafe class Q8Block() : BlockEncoding(8, "q8_0", NibbleBlock, 34)
{
    /// <inheritdoc/>
    public override void Split(byte* source, long blocks, byte* integers, float* scales, float* offsets)
    {
        for (long block = 0; block < blocks; block++, source += Bytes, integers += Elements)
        {
            scales[block] = Single(source);
            Vector256.Load(source + 2).Store(integers);
        }
    }
}
