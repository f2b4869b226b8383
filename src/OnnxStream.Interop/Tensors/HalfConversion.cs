using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>Converts half precision to single and back, vector by vector.</summary>
internal static unsafe class HalfConversion
{
    // Exponents count from 15 in one format and from 127 in the other.
    private const float ScaleToSingle = 5.19229686e33f; // 2^112

    private const int Sign = int.MinValue;
    private const int FirstTooLarge = (127 + 16) << 23;
    private const int FirstNormal = (127 - 14) << 23;
    private const int Infinity = 0x7f800000;
    private const float HalfOne = 0.5f;

    /// <summary>Expands elements.</summary>
    /// <param name="source">The first element.</param>
    /// <param name="destination">Receives as many numbers.</param>
    /// <param name="count">How many there are.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToSingle(Half* source, float* destination, long count)
    {
        long i = Vector512.IsHardwareAccelerated ? ToSingleWide((ushort*)source, destination, count) : 0;
        for (; i <= count - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(Vector.Load((ushort*)source + i), out Vector<uint> low, out Vector<uint> high);
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
    private static long ToSingleWide(ushort* source, float* destination, long count)
    {
        long i = 0;
        for (; i <= count - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            Vector256<ushort> half = Vector256.Load(source + i);
            Vector512<uint> wide = Vector512.Create(Vector256.WidenLower(half), Vector256.WidenUpper(half));
            ToSingle(wide).Store(destination + i);
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
            Vector512.Narrow(low, high).Store(destination + i);
        }

        return i;
    }

    // As the functions for vectors of any width below.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> ToSingle(Vector512<uint> half)
    {
        Vector512<uint> size = half & Vector512.Create(0x7fffu);
        Vector512<uint> sign = (half ^ size) << 16;
        Vector512<uint> number = ((size << 13).AsSingle() * Vector512.Create(ScaleToSingle)).AsUInt32();
        Vector512<uint> isLargest = Vector512.GreaterThan(size, Vector512.Create(0x7bffu));
        number = Vector512.ConditionalSelect(isLargest, (size << 13) | Vector512.Create((uint)Infinity), number);
        return (number | sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> FromSingle(Vector512<float> number)
    {
        Vector512<int> bits = number.AsInt32();
        Vector512<int> sign = bits & Vector512.Create(Sign);
        Vector512<int> size = bits ^ sign;
        Vector512<int> odd = (size >> 13) & Vector512<int>.One;
        Vector512<int> normal = (size + odd + Vector512.Create(0xfff - ((127 - 15) << 23))) >> 13;
        Vector512<int> small = (size.AsSingle() + Vector512.Create(HalfOne)).AsInt32() - Vector512.Create(HalfOne).AsInt32();
        Vector512<int> large = Vector512.ConditionalSelect(Vector512.GreaterThan(size, Vector512.Create(Infinity)), Vector512.Create(0x7e00), Vector512.Create(0x7c00));
        Vector512<int> half = Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(FirstNormal)), small, normal);
        half = Vector512.ConditionalSelect(Vector512.LessThan(size, Vector512.Create(FirstTooLarge)), half, large);
        return (half | ((sign >> 16) & Vector512.Create(0x8000))).AsUInt32();
    }

    // The bits are in the place of a number that is 2^112 times as small. Infinity and NaN get the largest exponent.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> ToSingle(Vector<uint> half)
    {
        Vector<uint> size = half & new Vector<uint>(0x7fff);
        Vector<uint> sign = (half ^ size) << 16;
        Vector<uint> number = Vector.AsVectorUInt32(Vector.AsVectorSingle(size << 13) * new Vector<float>(ScaleToSingle));
        Vector<uint> isLargest = Vector.AsVectorUInt32(Vector.GreaterThan(Vector.AsVectorInt32(size), new Vector<int>(0x7bff)));
        number = Vector.ConditionalSelect(isLargest, (size << 13) | new Vector<uint>(Infinity), number);
        return Vector.AsVectorSingle(number | sign);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<uint> FromSingle(Vector<float> number)
    {
        Vector<int> bits = Vector.AsVectorInt32(number);
        Vector<int> sign = bits & new Vector<int>(Sign);
        Vector<int> size = bits ^ sign;

        // Half a unit is added, less a little where the unit below is even; then the rest is cut off.
        Vector<int> odd = (size >> 13) & Vector<int>.One;
        Vector<int> normal = (size + odd + new Vector<int>(0xfff - ((127 - 15) << 23))) >> 13;

        // Adding to a number that has the units of denormals in its last place rounds as well.
        Vector<int> small = Vector.AsVectorInt32(Vector.AsVectorSingle(size) + new Vector<float>(HalfOne)) - Vector.AsVectorInt32(new Vector<float>(HalfOne));
        Vector<int> large = Vector.ConditionalSelect(Vector.GreaterThan(size, new Vector<int>(Infinity)), new Vector<int>(0x7e00), new Vector<int>(0x7c00));
        Vector<int> half = Vector.ConditionalSelect(Vector.LessThan(size, new Vector<int>(FirstNormal)), small, normal);
        half = Vector.ConditionalSelect(Vector.LessThan(size, new Vector<int>(FirstTooLarge)), half, large);
        return Vector.AsVectorUInt32(half | ((sign >> 16) & new Vector<int>(0x8000)));
    }
}
