using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>The scales and offsets of the eight parts of a block of 256 numbers in Q4_K and Q5_K: 6 bits each, in 12 bytes.</summary>
internal static unsafe class SuperScales
{
    /// <summary>The parts of a block.</summary>
    public const int Parts = 8;

    /// <summary>Reads them.</summary>
    /// <param name="packed">The 12 bytes. The first four parts have the lower six bits of the first eight; the others have the last four bytes, and the upper two bits of the first eight.</param>
    /// <param name="scale">What scales are multiplied with.</param>
    /// <param name="least">What offsets are multiplied with, and then taken away.</param>
    /// <param name="scales">Receives eight scales.</param>
    /// <param name="offsets">Receives eight offsets.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Read(byte* packed, float scale, float least, float* scales, float* offsets)
    {
        const int SixBits = 63;
        for (int i = 0; i < Parts / 2; i++)
        {
            scales[i] = scale * (packed[i] & SixBits);
            offsets[i] = -(least * (packed[i + 4] & SixBits));
            scales[i + 4] = scale * ((packed[i + 8] & 15) | (packed[i] >> 6 << 4));
            offsets[i + 4] = -(least * ((packed[i + 8] >> 4) | (packed[i + 4] >> 6 << 4)));
        }
    }
}
