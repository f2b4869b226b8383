using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>Q5_0: a scale of half precision, the fifth bits of 32 integers, then their other four; 16 is taken away from each.</summary>
internal sealed unsafe class Q5Block() : BlockEncoding(6, "q5_0", NibbleBlock, 22)
{
    /// <inheritdoc/>
    public override void Split(byte* source, long blocks, byte* integers, float* scales, float* offsets)
    {
        Vector128<byte> middle = Vector128.Create((byte)16);
        for (long block = 0; block < blocks; block++, source += Bytes, integers += Elements)
        {
            scales[block] = Single(source);
            FifthBits.Join(source + 6, Unsafe.ReadUnaligned<uint>(source + 2), integers);
            (Vector128.Load(integers) - middle).Store(integers);
            (Vector128.Load(integers + 16) - middle).Store(integers + 16);
        }
    }
}
