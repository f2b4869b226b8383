using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Tensors;

/// <summary>Rows of 8-bit integers in blocks of 32, which share a scale: 34 bytes for 32 numbers. The last block of a row may have fewer.</summary>
/// <remarks>
/// <para>
/// A block is its scale, a brain float, then its integers from -127 to 127. The scale is the largest magnitude of the block divided by 127, to the nearest
/// brain float, so the error of a number is at most a 252nd of that magnitude. Scales are not below 2^-126: smaller errors than 2^-127, denormal numbers among them, are lost.
/// </para>
/// <para>
/// A block with an infinity or a NaN has an infinite scale: its infinities stay, and all its other numbers become NaN. Processors of all widths store the same bytes and expand them to the same numbers.
/// </para>
/// </remarks>
internal sealed unsafe class BlockRows : RowFormat
{
    /// <summary>The elements of a block.</summary>
    public const int BlockElements = 32;

    private const int ScaleBytes = 2;
    private const int BlockBytes = ScaleBytes + BlockElements;
    private const float Steps = 127;
    private const int Infinity = 0x7f800000;

    // Brain floats: the least normal number, and infinity.
    private const int LeastScale = 0x0080;
    private const int InfiniteScale = 0x7f80;
    private const float Magic = 12582912; // 1.5 * 2^23: adding it rounds to the nearest integer, ties to even
    private const int MagicBits = 0x4B400000;

    private BlockRows()
    {
    }

    /// <summary>The format.</summary>
    public static BlockRows Instance { get; } = new();

    /// <inheritdoc/>
    public override ElementType ElementType => ElementTypes.Blocks;

    /// <inheritdoc/>
    public override int Together => BlockElements;

    /// <inheritdoc/>
    public override string Mark => ":int8";

    /// <inheritdoc/>
    public override long Bytes(long elements) => elements + (elements + BlockElements - 1) / BlockElements * ScaleBytes;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Expand(byte* source, float* destination, int count)
    {
        if (Avx512F.IsSupported)
        {
            for (; count >= BlockElements; count -= BlockElements, source += BlockBytes, destination += BlockElements)
            {
                Vector512<float> scale = Vector512.Create(Scale(source));
                (Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)source + ScaleBytes))) * scale).Store(destination);
                (Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load((sbyte*)source + ScaleBytes + 16))) * scale).Store(destination + 16);
            }
        }
        else if (Avx2.IsSupported)
        {
            for (; count >= BlockElements; count -= BlockElements, source += BlockBytes, destination += BlockElements)
            {
                Vector256<float> scale = Vector256.Create(Scale(source));
                for (int i = 0; i < BlockElements; i += Vector256<float>.Count)
                {
                    (Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32((sbyte*)source + ScaleBytes + i)) * scale).Store(destination + i);
                }
            }
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            for (; count >= BlockElements; count -= BlockElements, source += BlockBytes, destination += BlockElements)
            {
                Vector128<float> scale = Vector128.Create(Scale(source));
                for (int i = 0; i < BlockElements; i += Vector128<sbyte>.Count)
                {
                    (Vector128<short> low, Vector128<short> high) = Vector128.Widen(Vector128.Load((sbyte*)source + ScaleBytes + i));
                    Widen(low, scale, destination + i);
                    Widen(high, scale, destination + i + Vector128<short>.Count);
                }
            }
        }

        for (; count > 0; count -= BlockElements, source += BlockBytes, destination += BlockElements)
        {
            float scale = Scale(source);
            for (int i = 0; i < Math.Min(count, BlockElements); i++)
            {
                destination[i] = ((sbyte*)source)[ScaleBytes + i] * scale;
            }
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Round(float* source, byte* destination, int count)
    {
        if (Avx512F.IsSupported)
        {
            Vector512<int> sizes = Vector512.Create(int.MaxValue);
            for (; count >= BlockElements; count -= BlockElements, source += BlockElements, destination += BlockBytes)
            {
                Vector512<float> first = Vector512.Load(source), second = Vector512.Load(source + 16);
                Vector512<int> most = Vector512.Max(first.AsInt32() & sizes, second.AsInt32() & sizes);
                Vector256<int> half = Vector256.Max(most.GetLower(), most.GetUpper());
                if (!TrySetScale(destination, Largest(Vector128.Max(half.GetLower(), half.GetUpper())), out float inverse))
                {
                    RoundSpecial(source, destination, BlockElements);
                    continue;
                }

                Vector512<float> factor = Vector512.Create(inverse);
                Avx512F.ConvertToVector128SByte(Avx512F.ConvertToVector512Int32(first * factor)).Store((sbyte*)destination + ScaleBytes);
                Avx512F.ConvertToVector128SByte(Avx512F.ConvertToVector512Int32(second * factor)).Store((sbyte*)destination + ScaleBytes + 16);
            }
        }
        else if (Vector128.IsHardwareAccelerated)
        {
            Vector128<int> sizes = Vector128.Create(int.MaxValue);
            for (; count >= BlockElements; count -= BlockElements, source += BlockElements, destination += BlockBytes)
            {
                Vector128<int> most = Vector128<int>.Zero;
                for (int i = 0; i < BlockElements; i += Vector128<float>.Count)
                {
                    most = Vector128.Max(most, Vector128.Load((int*)source + i) & sizes);
                }

                if (!TrySetScale(destination, Largest(most), out float inverse))
                {
                    RoundSpecial(source, destination, BlockElements);
                    continue;
                }

                Vector128<float> factor = Vector128.Create(inverse);
                for (int i = 0; i < BlockElements; i += Vector128<sbyte>.Count)
                {
                    Vector128<short> low = Vector128.Narrow(Integers(source + i, factor), Integers(source + i + 4, factor));
                    Vector128<short> high = Vector128.Narrow(Integers(source + i + 8, factor), Integers(source + i + 12, factor));
                    Vector128.Narrow(low, high).Store((sbyte*)destination + ScaleBytes + i);
                }
            }
        }

        for (; count > 0; count -= BlockElements, source += BlockElements, destination += BlockBytes)
        {
            int length = Math.Min(count, BlockElements);
            int largest = 0;
            for (int i = 0; i < length; i++)
            {
                largest = Math.Max(largest, ((int*)source)[i] & int.MaxValue);
            }

            if (!TrySetScale(destination, largest, out float inverse))
            {
                RoundSpecial(source, destination, length);
                continue;
            }

            for (int i = 0; i < length; i++)
            {
                ((sbyte*)destination)[ScaleBytes + i] = (sbyte)MathF.Round(source[i] * inverse);
            }
        }
    }

    /// <inheritdoc/>
    public override int Magnitude(byte* row, int count)
    {
        int largest = 0;
        for (; count > 0; count -= BlockElements, row += BlockBytes)
        {
            largest = Math.Max(largest, Unsafe.ReadUnaligned<ushort>(row));
        }

        // Infinity stays what it is.
        return BitConverter.SingleToInt32Bits(BitConverter.Int32BitsToSingle(largest << 16) * Steps);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Scale(byte* block) => BitConverter.Int32BitsToSingle(Unsafe.ReadUnaligned<ushort>(block) << 16);

    // Of the largest magnitude. False if that is none: an infinity or a NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TrySetScale(byte* block, int largest, out float inverse)
    {
        if (largest >= Infinity)
        {
            inverse = 0;
            return false;
        }

        int bits = BitConverter.SingleToInt32Bits(BitConverter.Int32BitsToSingle(largest) / Steps);

        // To the nearest, ties to even: at most by a 256th, so that no integer becomes larger than 127, and 127 of the largest scale are finite.
        int scale = Math.Max((bits + 0x7fff + (bits >> 16 & 1)) >> 16, LeastScale);
        inverse = 1 / BitConverter.Int32BitsToSingle(scale << 16);
        Unsafe.WriteUnaligned(block, (ushort)(largest == 0 ? 0 : scale));
        return true;
    }

    // Integers times an infinite scale: 1 and -1 are infinities, 0 is NaN.
    private static void RoundSpecial(float* source, byte* block, int count)
    {
        Unsafe.WriteUnaligned(block, (ushort)InfiniteScale);
        for (int i = 0; i < count; i++)
        {
            ((sbyte*)block)[ScaleBytes + i] = (sbyte)(float.IsPositiveInfinity(source[i]) ? 1 : float.IsNegativeInfinity(source[i]) ? -1 : 0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Integers(float* source, Vector128<float> factor) =>
        (Vector128.Load(source) * factor + Vector128.Create(Magic)).AsInt32() - Vector128.Create(MagicBits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Widen(Vector128<short> integers, Vector128<float> scale, float* destination)
    {
        (Vector128<int> low, Vector128<int> high) = Vector128.Widen(integers);
        (Vector128.ConvertToSingle(low) * scale).Store(destination);
        (Vector128.ConvertToSingle(high) * scale).Store(destination + Vector128<float>.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Largest(Vector128<int> vector)
    {
        Vector128<int> most = Vector128.Max(vector, Vector128.Shuffle(vector, Vector128.Create(2, 3, 0, 1)));
        return Math.Max(most.GetElement(0), most.GetElement(1));
    }
}
