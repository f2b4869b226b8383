using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Kernels;

/// <summary>Truncated quotients of integers, lane by lane: 0 where the divisor is, and the low bits of what does not fit.</summary>
/// <remarks>
/// Processors divide vectors of reals only. A quotient of integers that the real type holds exactly, truncated, is the right one: it is never so close
/// below a whole number that rounding reaches it. So integers of up to 16 bits are divided in single precision, wider ones in double, and those of
/// 64 bits that are too large one by one.
/// </remarks>
internal static class IntegerDivision
{
    // Added to an integer of less than 52 bits, it makes the bits of a real that is that integer and 1.5 * 2^52.
    private const long MagicBits = 0x4338000000000000;
    private const double Magic = 6755399441055744;
    private const long FirstLarge = 1L << 51;

    /// <summary>Whether there are quotients of vectors of a type.</summary>
    public static bool Supports<T>()
        where T : unmanaged =>
        Vector.IsHardwareAccelerated &&
        (typeof(T) == typeof(int) || typeof(T) == typeof(uint) || typeof(T) == typeof(long) || typeof(T) == typeof(ulong) ||
        typeof(T) == typeof(short) || typeof(T) == typeof(ushort) || typeof(T) == typeof(sbyte) || typeof(T) == typeof(byte));

    /// <summary>The quotients. <see cref="Supports{T}"/> must hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<T> Divide<T>(Vector<T> left, Vector<T> right)
        where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(int))
        {
            return Vector.As<int, T>(Divide(Vector.As<T, int>(left), Vector.As<T, int>(right)));
        }

        if (typeof(T) == typeof(uint))
        {
            Vector.Widen(Vector.As<T, uint>(left), out Vector<ulong> low, out Vector<ulong> high);
            Vector.Widen(Vector.As<T, uint>(right), out Vector<ulong> lowDivisor, out Vector<ulong> highDivisor);
            return Vector.As<uint, T>(Vector.Narrow(
                Vector.AsVectorUInt64(DivideSmall(Vector.AsVectorInt64(low), Vector.AsVectorInt64(lowDivisor))),
                Vector.AsVectorUInt64(DivideSmall(Vector.AsVectorInt64(high), Vector.AsVectorInt64(highDivisor)))));
        }

        if (typeof(T) == typeof(long) || typeof(T) == typeof(ulong))
        {
            Vector<long> dividends = Vector.As<T, long>(left);
            Vector<long> divisors = Vector.As<T, long>(right);

            // With a sign, numbers on both sides of zero are small.
            Vector<long> shift = typeof(T) == typeof(long) ? new Vector<long>(FirstLarge) : Vector<long>.Zero;
            Vector<ulong> limit = new(typeof(T) == typeof(long) ? 2 * (ulong)FirstLarge : FirstLarge);
            return Vector.LessThanAll(Vector.AsVectorUInt64(dividends + shift), limit) && Vector.LessThanAll(Vector.AsVectorUInt64(divisors + shift), limit)
                ? Vector.As<long, T>(DivideSmall(dividends, divisors))
                : DivideEach(left, right);
        }

        if (typeof(T) == typeof(short))
        {
            return Vector.As<short, T>(Divide(Vector.As<T, short>(left), Vector.As<T, short>(right)));
        }

        if (typeof(T) == typeof(ushort))
        {
            return Vector.As<ushort, T>(Divide(Vector.As<T, ushort>(left), Vector.As<T, ushort>(right)));
        }

        if (typeof(T) == typeof(sbyte))
        {
            Vector.Widen(Vector.As<T, sbyte>(left), out Vector<short> low, out Vector<short> high);
            Vector.Widen(Vector.As<T, sbyte>(right), out Vector<short> lowDivisor, out Vector<short> highDivisor);
            return Vector.As<sbyte, T>(Vector.Narrow(Divide(low, lowDivisor), Divide(high, highDivisor)));
        }

        Vector.Widen(Vector.As<T, byte>(left), out Vector<ushort> lower, out Vector<ushort> upper);
        Vector.Widen(Vector.As<T, byte>(right), out Vector<ushort> lowerDivisor, out Vector<ushort> upperDivisor);
        return Vector.As<byte, T>(Vector.Narrow(Divide(lower, lowerDivisor), Divide(upper, upperDivisor)));
    }

    /// <summary>The quotient of two.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Divide<T>(T left, T right)
        where T : unmanaged, INumber<T> =>
        T.IsZero(right) ? T.Zero :
        T.IsNegative(right) && right == -T.One ? T.Zero - left :
        left / right;

    // What does not fit has the bits of the least number, which are right.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<int> Divide(Vector<int> left, Vector<int> right)
    {
        Vector<int> quotients;
        if (Avx512F.IsSupported && Vector<byte>.Count == Vector256<byte>.Count)
        {
            quotients = Avx512F.ConvertToVector256Int32WithTruncation(
                Avx512F.ConvertToVector512Double(left.AsVector256()) / Avx512F.ConvertToVector512Double(right.AsVector256())).AsVector();
        }
        else if (Avx.IsSupported && Vector<byte>.Count == Vector256<byte>.Count)
        {
            quotients = Vector256.Create(
                Avx.ConvertToVector128Int32WithTruncation(Avx.ConvertToVector256Double(left.AsVector256().GetLower()) / Avx.ConvertToVector256Double(right.AsVector256().GetLower())),
                Avx.ConvertToVector128Int32WithTruncation(Avx.ConvertToVector256Double(left.AsVector256().GetUpper()) / Avx.ConvertToVector256Double(right.AsVector256().GetUpper()))).AsVector();
        }
        else
        {
            Vector.Widen(left, out Vector<long> low, out Vector<long> high);
            Vector.Widen(right, out Vector<long> lowDivisor, out Vector<long> highDivisor);
            return Vector.Narrow(DivideSmall(low, lowDivisor), DivideSmall(high, highDivisor));
        }

        return Vector.AndNot(quotients, Vector.Equals(right, Vector<int>.Zero));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<short> Divide(Vector<short> left, Vector<short> right)
    {
        Vector.Widen(left, out Vector<int> low, out Vector<int> high);
        Vector.Widen(right, out Vector<int> lowDivisor, out Vector<int> highDivisor);
        return Vector.Narrow(DivideSmall(low, lowDivisor), DivideSmall(high, highDivisor));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<ushort> Divide(Vector<ushort> left, Vector<ushort> right)
    {
        Vector.Widen(left, out Vector<uint> low, out Vector<uint> high);
        Vector.Widen(right, out Vector<uint> lowDivisor, out Vector<uint> highDivisor);
        return Vector.Narrow(
            Vector.AsVectorUInt32(DivideSmall(Vector.AsVectorInt32(low), Vector.AsVectorInt32(lowDivisor))),
            Vector.AsVectorUInt32(DivideSmall(Vector.AsVectorInt32(high), Vector.AsVectorInt32(highDivisor))));
    }

    // Of up to 17 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<int> DivideSmall(Vector<int> left, Vector<int> right) =>
        Vector.AndNot(Vector.ConvertToInt32Native(Vector.ConvertToSingle(left) / Vector.ConvertToSingle(right)), Vector.Equals(right, Vector<int>.Zero));

    // Of less than 52 bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<long> DivideSmall(Vector<long> left, Vector<long> right)
    {
        Vector<double> quotients = Vector.Truncate(ToReal(left) / ToReal(right)) + new Vector<double>(Magic);
        return Vector.AndNot(Vector.AsVectorInt64(quotients) - new Vector<long>(MagicBits), Vector.Equals(right, Vector<long>.Zero));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> ToReal(Vector<long> integers) => Vector.AsVectorDouble(integers + new Vector<long>(MagicBits)) - new Vector<double>(Magic);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector<T> DivideEach<T>(Vector<T> left, Vector<T> right)
        where T : unmanaged, INumber<T>
    {
        Span<T> quotients = stackalloc T[Vector<T>.Count];
        for (int i = 0; i < quotients.Length; i++)
        {
            quotients[i] = Divide(left[i], right[i]);
        }

        return new Vector<T>(quotients);
    }
}
