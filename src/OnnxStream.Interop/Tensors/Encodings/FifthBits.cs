using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>Puts integers of 5 bits together, whose highest bits lie apart from the others.</summary>
internal static unsafe class FifthBits
{
    /// <summary>32 integers: 16 bytes of pairs, of which the lower halves come first, and a bit for each.</summary>
    /// <param name="pairs">The lower four bits.</param>
    /// <param name="bits">The fifth bits, the first in the lowest.</param>
    /// <param name="integers">Receives the integers.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Join(byte* pairs, uint bits, byte* integers)
    {
        Vector128<byte> low = Vector128.Load(pairs);
        ((low & Vector128.Create((byte)15)) | Spread(bits)).Store(integers);
        ((low >>> 4) | Spread(bits >> 16)).Store(integers + 16);
    }

    // 16 where the bit of an element is set.
    private static Vector128<byte> Spread(uint bits)
    {
        Vector128<byte> each = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        Vector128<byte> bytes = Vector128.Create(Vector64.Create((byte)bits), Vector64.Create((byte)(bits >> 8)));
        return Vector128.Equals(bytes & each, each) & Vector128.Create((byte)16);
    }
}
