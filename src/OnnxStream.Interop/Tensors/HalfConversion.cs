using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Tensors;

/// <summary>Converts half precision to single and back, vector by vector.</summary>
internal static unsafe class HalfConversion
{
    // Exponents count from 15 in one format and from 127 in the other.
    private const float ScaleToSingle = 5.19229686e33f; // 2^112

    // Signs, and a half's exponent and mantissa, where shifting by 13 brings them.
    private const int ShiftedHalf = unchecked((int)0x8fffe000);
    private const int ShiftedInfinity = 0x0f800000;
    private const int Magnitude = 0x7fffffff;
    private const int Infinity = 0x7f800000;
    private const int FirstInfinite = (127 + 16) << 23;
    private const int FirstNormal = (127 - 14) << 23;

    // To the power of two that has the units of a half's last place, and what takes the difference of both exponents' zeros away.
    private const int Rounder = (13 << 23) + ((15 << 10) & 0xffff);
    private const int HalfNaN = 0x7e00;
    private const int HalfSign = 0x8000;

    /// <summary>Expands elements.</summary>
    /// <param name="source">The first element.</param>
    /// <param name="destination">Receives as many numbers.</param>
    /// <param name="count">How many there are.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToSingle(Half* source, float* destination, long count)
    {
        long i = Vector512.IsHardwareAccelerated ? ToSingleWide((short*)source, destination, count) : 0;
        for (; i <= count - Vector<short>.Count; i += Vector<short>.Count)
        {
            Vector.Widen(Vector.Load((short*)source + i), out Vector<int> low, out Vector<int> high);
            ToSingle(low).Store(destination + i);
            ToSingle(high).Store(destination + i + Vector<float>.Count);
        }

        for (; i < count; i++)
        {
            destination[i] = (float)source[i];
        }
    }

    /// <summary>Rounds numbers to the nearest half, ties to even; what is out of its range becomes infinite.</summary>
    /// <param name="source">The first number.</param>
    /// <param name="destination">Receives as many elements.</param>
    /// <param name="count">How many there are.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FromSingle(float* source, Half* destination, long count)
    {
        long i = Vector512.IsHardwareAccelerated ? FromSingleWide(source, (ushort*)destination, count) : 0;
        for (; i <= count - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector<uint> low = FromSingle(Vector.Load(source + i));
            Vector<uint> high = FromSingle(Vector.Load(source + i + Vector<float>.Count));
            Vector.Narrow(low, high).Store((ushort*)destination + i);
        }

        for (; i < count; i++)
        {
            destination[i] = (Half)source[i];
        }
    }

    // Whole vectors of 512 bits; returns where they end.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long ToSingleWide(short* source, float* destination, long count)
    {
        long i = 0;
        for (; i <= count - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            Vector256<short> half = Vector256.Load(source + i);
            ToSingle(Avx512F.IsSupported ? Avx512F.ConvertToVector512Int32(half) : Vector512.Create(Vector256.WidenLower(half), Vector256.WidenUpper(half))).Store(destination + i);
        }

        return i;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static long FromSingleWide(float* source, ushort* destination, long count)
    {
        long i = 0;
        for (; i <= count - Vector512<ushort>.Count; i += Vector512<ushort>.Count)
        {
            Vector512<uint> low = FromSingle(Vector512.Load(source + i));
            Vector512<uint> high = FromSingle(Vector512.Load(source + i + Vector512<float>.Count));
            if (Avx512F.IsSupported)
            {
                Avx512F.ConvertToVector256UInt16(low).Store(destination + i);
                Avx512F.ConvertToVector256UInt16(high).Store(destination + i + Vector256<ushort>.Count);
                continue;
            }

            Vector512.Narrow(low, high).Store(destination + i);
        }

        return i;
    }

    // As the functions for vectors of any width below.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ToSingle(Vector512<int> half)
    {
        Vector512<int> shifted = (half << 13) & Vector512.Create(ShiftedHalf);
        Vector512<int> number = (shifted.AsSingle() * Vector512.Create(ScaleToSingle)).AsInt32();
        Vector512<int> isLargest = Vector512.GreaterThanOrEqual(shifted & Vector512.Create(Magnitude), Vector512.Create(ShiftedInfinity));
        return (number | (isLargest & Vector512.Create(Infinity))).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> FromSingle(Vector512<float> number)
    {
        Vector512<int> bits = number.AsInt32();
        Vector512<int> size = Vector512.Min(bits & Vector512.Create(Magnitude), Vector512.Create(FirstInfinite));
        Vector512<int> exponent = Vector512.Max(size & Vector512.Create(Infinity), Vector512.Create(FirstNormal));
        Vector512<int> rounded = ((exponent + Vector512.Create(Rounder)).AsSingle() + size.AsSingle()).AsInt32();
        Vector512<int> half = Vector512.ConditionalSelect(Vector512.Equals(number, number).AsInt32(), rounded + (exponent >> 13), Vector512.Create(HalfNaN));
        return (half | ((bits >> 16) & Vector512.Create(HalfSign))).AsUInt32();
    }

    // The bits are in the place of a number that is 2^112 times as small. Infinity and NaN get the largest exponent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> ToSingle(Vector<int> half)
    {
        Vector<int> shifted = (half << 13) & new Vector<int>(ShiftedHalf);
        Vector<int> number = Vector.AsVectorInt32(Vector.AsVectorSingle(shifted) * new Vector<float>(ScaleToSingle));
        Vector<int> isLargest = Vector.GreaterThanOrEqual(shifted & new Vector<int>(Magnitude), new Vector<int>(ShiftedInfinity));
        return Vector.AsVectorSingle(number | (isLargest & new Vector<int>(Infinity)));
    }

    // Only the lower 16 bits count.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> FromSingle(Vector<float> number)
    {
        Vector<int> bits = Vector.AsVectorInt32(number);
        Vector<int> size = Vector.Min(bits & new Vector<int>(Magnitude), new Vector<int>(FirstInfinite));

        // Adding to a number that has a half's last place as its own rounds; denormals have the place of the least normal numbers.
        Vector<int> exponent = Vector.Max(size & new Vector<int>(Infinity), new Vector<int>(FirstNormal));
        Vector<int> rounded = Vector.AsVectorInt32(Vector.AsVectorSingle(exponent + new Vector<int>(Rounder)) + Vector.AsVectorSingle(size));
        Vector<int> half = Vector.ConditionalSelect(Vector.Equals(number, number), rounded + (exponent >> 13), new Vector<int>(HalfNaN));
        return Vector.AsVectorUInt32(half | ((bits >> 16) & new Vector<int>(HalfSign)));
    }
}
