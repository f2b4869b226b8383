using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Functions made of exponentials that keep their digits near zero, where .NET's own subtract nearly equal numbers.</summary>
/// <remarks>For double precision: single precision has <see cref="VectorFunctions"/>.</remarks>
internal static class PreciseExponentials
{
    private const double LargestInSeries = 0.03;

    /// <summary>e^x - 1.</summary>
    /// <remarks>Kahan's: what rounding did to e^x is taken back by its logarithm. Higham, Accuracy and Stability of Numerical Algorithms, 1.14.1.</remarks>
    public static T ExpM1<T>(T x)
        where T : IFloatingPointIeee754<T>
    {
        T power = T.Exp(x);
        T difference = power - T.One;
        return power == T.One ? x : difference == -T.One || T.IsPositiveInfinity(power) ? difference : difference * x / T.Log(power);
    }

    /// <summary>ln(1 + x).</summary>
    /// <remarks>As <see cref="ExpM1"/>.</remarks>
    public static T LogP1<T>(T x)
        where T : IFloatingPointIeee754<T>
    {
        T sum = T.One + x;
        return sum == T.One ? x : T.Log(sum) * x / (sum - T.One);
    }

    /// <summary>(e^x - e^-x) / (e^x + e^-x).</summary>
    public static T Tanh<T>(T x)
        where T : IFloatingPointIeee754<T>
    {
        T size = T.Abs(x);
        if (size > T.CreateTruncating(20))
        {
            return T.CopySign(T.One, x);
        }

        T power = ExpM1(size + size);
        return T.CopySign(power / (power + T.CreateTruncating(2)), x);
    }

    /// <summary>The same of many numbers of double precision; input and output may be the same memory.</summary>
    /// <remarks>Near zero by the Taylor series of degree 9, elsewhere 1 - 2 / (e^2|x| + 1), which loses no more digits there than the series has to spare.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Tanh(ReadOnlySpan<double> input, Span<double> output)
    {
        ref double source = ref MemoryMarshal.GetReference(input);
        ref double target = ref MemoryMarshal.GetReference(output[..input.Length]);
        int i = 0;
        for (; Vector.IsHardwareAccelerated && i <= input.Length - Vector<double>.Count; i += Vector<double>.Count)
        {
            Tanh(Vector.LoadUnsafe(ref source, (nuint)i)).StoreUnsafe(ref target, (nuint)i);
        }

        for (; i < input.Length; i++)
        {
            output[i] = Tanh(input[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> Tanh(Vector<double> x)
    {
        // 2|x| = n ln 2 + r with |r| at most (ln 2)/2; adding 1.5 * 2^52 rounds to an integer, which its last bits are. The second operand of a
        // minimum is what it gives if either is no number.
        Vector<double> magic = new(6755399441055744);
        Vector<double> size = Vector.Abs(x);
        Vector<double> twice = Vector.MinNative(new Vector<double>(80), size + size);
        Vector<double> rounded = Vector.FusedMultiplyAdd(twice, new Vector<double>(1.4426950408889634), magic);
        Vector<double> n = rounded - magic;
        Vector<double> r = Vector.FusedMultiplyAdd(n, new Vector<double>(-0.6931471803691238), twice);
        r = Vector.FusedMultiplyAdd(n, new Vector<double>(-1.9082149292705877e-10), r);
        Vector<double> p = new(1.0 / 39916800);
        p = Vector.FusedMultiplyAdd(p, r, new Vector<double>(1.0 / 3628800));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<double>(1.0 / 362880));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<double>(1.0 / 40320));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<double>(1.0 / 5040));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<double>(1.0 / 720));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<double>(1.0 / 120));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<double>(1.0 / 24));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<double>(1.0 / 6));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<double>(0.5));
        p = Vector.FusedMultiplyAdd(p, r, Vector<double>.One);
        p = Vector.FusedMultiplyAdd(p, r, Vector<double>.One);
        Vector<double> power = p * Vector.AsVectorDouble((Vector.AsVectorInt64(rounded) + new Vector<long>(1023)) << 52);
        Vector<double> large = Vector<double>.One - new Vector<double>(2) / (power + Vector<double>.One);
        large = Vector.ConditionalSelect(new Vector<long>(long.MinValue), x, large);

        Vector<double> square = x * x;
        Vector<double> series = Vector.FusedMultiplyAdd(square, new Vector<double>(62.0 / 2835), new Vector<double>(-17.0 / 315));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<double>(2.0 / 15));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<double>(-1.0 / 3));
        series = Vector.FusedMultiplyAdd(series * square, x, x);
        return Vector.ConditionalSelect(Vector.LessThan(size, new Vector<double>(LargestInSeries)), series, large);
    }

    /// <summary>(e^x - e^-x) / 2.</summary>
    public static T Sinh<T>(T x)
        where T : IFloatingPointIeee754<T>
    {
        T size = T.Abs(x);
        if (size > T.One)
        {
            return T.Sinh(x);
        }

        T power = ExpM1(size);
        return T.CopySign((power + power / (power + T.One)) / T.CreateTruncating(2), x);
    }

    /// <summary>ln(1 + e^x).</summary>
    public static T Softplus<T>(T x)
        where T : IFloatingPointIeee754<T> => x > T.Zero ? x + LogP1(T.Exp(-x)) : LogP1(T.Exp(x));
}
