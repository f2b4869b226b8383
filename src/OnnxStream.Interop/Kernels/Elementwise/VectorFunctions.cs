using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Functions of one number in single precision, right for every number there is: the bounds are in docs/accuracy.md.</summary>
/// <remarks>
/// Zeros keep their sign, results below the normal numbers are not flushed, infinities give limits, and NaN stays NaN. Each is computed for a
/// whole vector at a time.
/// </remarks>
internal static class VectorFunctions
{
    // Below the first e^x rounds to zero, above the second to infinity.
    private const float Lowest = -104;
    private const float Highest = 88.722839f;

    /// <summary>Computes a function of every element; input and output may be the same memory.</summary>
    /// <param name="input">The elements.</param>
    /// <param name="output">As many results.</param>
    /// <param name="function">The function, whose fields hold its parameters.</param>
    public static void Apply<TFunction>(ReadOnlySpan<float> input, Span<float> output, TFunction function)
        where TFunction : struct, IVectorFunction
    {
        int i = 0;
        for (; i <= input.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            function.Invoke(new Vector<float>(input[i..])).CopyTo(output[i..]);
        }

        if (i < input.Length)
        {
            Span<float> rest = stackalloc float[Vector<float>.Count];
            rest.Clear();
            input[i..].CopyTo(rest);
            function.Invoke(new Vector<float>(rest)).CopyTo(rest);
            rest[..(input.Length - i)].CopyTo(output[i..]);
        }
    }

    /// <summary>e to the power of <paramref name="x"/>; relative error below 3e-7.</summary>
    /// <remarks>As <see cref="VectorMath.Exp(Vector{float})"/>, but 2^n in two factors, of which none is below the normal numbers.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp(Vector<float> x)
    {
        // The second operand is what one instruction gives if either is no number, so that NaN stays NaN.
        Vector<float> clamped = Vector.MinNative(new Vector<float>(Highest), Vector.MaxNative(new Vector<float>(Lowest), x));
        Vector<float> magic = new(12582912f);
        Vector<float> shifted = Vector.FusedMultiplyAdd(clamped, new Vector<float>(1.44269504f), magic);
        Vector<float> n = shifted - magic;
        Vector<float> r = Vector.FusedMultiplyAdd(n, new Vector<float>(-0.693145752f), clamped);
        r = Vector.FusedMultiplyAdd(n, new Vector<float>(-1.42860677e-6f), r);
        Vector<float> p = new(1f / 720);
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(1f / 120));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(1f / 24));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(1f / 6));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(0.5f));
        p = Vector.FusedMultiplyAdd(p, r, Vector<float>.One);
        p = Vector.FusedMultiplyAdd(p, r, Vector<float>.One);
        Vector<int> exponent = Vector.AsVectorInt32(shifted) - Vector.AsVectorInt32(magic);
        Vector<int> half = Vector.ShiftRightArithmetic(exponent, 1);
        Vector<float> result = p * PowerOfTwo(half) * PowerOfTwo(exponent - half);
        result = Vector.ConditionalSelect(Vector.GreaterThan(x, new Vector<float>(Highest)), new Vector<float>(float.PositiveInfinity), result);
        return Vector.ConditionalSelect(Vector.LessThan(x, new Vector<float>(Lowest)), Vector<float>.Zero, result);
    }

    /// <summary>e^x - 1 without loss of digits near zero.</summary>
    /// <remarks>Between -0.35 and 0.35 by the Taylor series of degree 8.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> ExpM1(Vector<float> x)
    {
        Vector<float> p = new(1f / 40320);
        p = Vector.FusedMultiplyAdd(p, x, new Vector<float>(1f / 5040));
        p = Vector.FusedMultiplyAdd(p, x, new Vector<float>(1f / 720));
        p = Vector.FusedMultiplyAdd(p, x, new Vector<float>(1f / 120));
        p = Vector.FusedMultiplyAdd(p, x, new Vector<float>(1f / 24));
        p = Vector.FusedMultiplyAdd(p, x, new Vector<float>(1f / 6));
        p = Vector.FusedMultiplyAdd(p, x, new Vector<float>(0.5f));
        return Vector.ConditionalSelect(Vector.LessThan(Vector.Abs(x), new Vector<float>(0.35f)), Vector.FusedMultiplyAdd(p * x, x, x), Exp(x) - Vector<float>.One);
    }

    /// <summary>ln(1 + <paramref name="x"/>) for x from 0 to 1.</summary>
    /// <remarks>Twice the series of the inverse hyperbolic tangent of x / (2 + x), which is at most a third.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> LogOfOneAnd(Vector<float> x)
    {
        Vector<float> s = x / (x + new Vector<float>(2));
        Vector<float> square = s * s;
        Vector<float> p = new(2f / 15);
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(2f / 13));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(2f / 11));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(2f / 9));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(2f / 7));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(2f / 5));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(2f / 3));
        return Vector.FusedMultiplyAdd(p * square, s, s + s);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Sigmoid(Vector<float> x)
    {
        Vector<float> power = Exp(-Vector.Abs(x));
        return Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), power, Vector<float>.One) / (Vector<float>.One + power);
    }

    /// <summary>(e^x - e^-x) / (e^x + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Tanh(Vector<float> x)
    {
        // From 10 on it is 1 to the last digit.
        Vector<float> size = Vector.MinNative(new Vector<float>(10), Vector.Abs(x));
        Vector<float> power = ExpM1(size + size);
        return CopySign(power / (power + new Vector<float>(2)), x);
    }

    /// <summary>(e^x - e^-x) / 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Sinh(Vector<float> x)
    {
        Vector<float> size = Vector.Abs(x);
        Vector<float> power = ExpM1(size);
        Vector<float> small = new Vector<float>(0.5f) * (power + power / (power + Vector<float>.One));

        // e^x ends before half of it does.
        Vector<float> root = Exp(size * new Vector<float>(0.5f));
        return CopySign(Vector.ConditionalSelect(Vector.LessThan(size, new Vector<float>(20)), small, new Vector<float>(0.5f) * root * root), x);
    }

    /// <summary>ln(1 + e^x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Softplus(Vector<float> x) =>
        Vector.ConditionalSelect(Vector.GreaterThan(x, Vector<float>.Zero), x, Vector<float>.Zero) + LogOfOneAnd(Exp(-Vector.Abs(x)));

    /// <summary>x * tanh(ln(1 + e^x)). Misra, arXiv 1908.08681.</summary>
    /// <remarks>With p = e^x, tanh(ln(1 + p)) is (p² + 2p) / (p² + 2p + 2).</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Mish(Vector<float> x)
    {
        Vector<float> power = Exp(Vector.MinNative(new Vector<float>(20), x));
        Vector<float> n = power * (power + new Vector<float>(2));
        return x * (n / (n + new Vector<float>(2)));
    }

    /// <summary>The error function.</summary>
    /// <remarks>Its Taylor series (DLMF 7.6.1) up to 1, then Abramowitz and Stegun 7.1.26, whose absolute error is 1.5e-7.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Erf(Vector<float> x)
    {
        Vector<float> size = Vector.Abs(x);
        Vector<float> square = x * x;
        Vector<float> series = new(1.4807193e-8f);
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(-1.6365845e-7f));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(1.6462114e-6f));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(-1.4925650e-5f));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(1.2055332e-4f));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(-8.5483270e-4f));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(5.2239777e-3f));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(-2.6866171e-2f));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(0.11283792f));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(-0.37612639f));
        series = Vector.FusedMultiplyAdd(series, square, new Vector<float>(1.1283792f));
        Vector<float> t = Vector<float>.One / Vector.FusedMultiplyAdd(size, new Vector<float>(0.3275911f), Vector<float>.One);
        Vector<float> p = new(1.061405429f);
        p = Vector.FusedMultiplyAdd(p, t, new Vector<float>(-1.453152027f));
        p = Vector.FusedMultiplyAdd(p, t, new Vector<float>(1.421413741f));
        p = Vector.FusedMultiplyAdd(p, t, new Vector<float>(-0.284496736f));
        p = Vector.FusedMultiplyAdd(p, t, new Vector<float>(0.254829592f));
        Vector<float> large = CopySign(Vector<float>.One - p * t * Exp(-square), x);
        return Vector.ConditionalSelect(Vector.LessThan(size, Vector<float>.One), series * x, large);
    }

    /// <summary>x times the probability that a normally distributed number is below x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Gelu(Vector<float> x)
    {
        // From 0 to 1 and below 0 the factor keeps its digits by other means.
        Vector<float> factor = new Vector<float>(0.5f) + new Vector<float>(0.5f) * Erf(x * new Vector<float>(0.70710678f));
        return Vector.ConditionalSelect(Vector.LessThan(x, -Vector<float>.One), VectorMath.Gelu(x), x * factor);
    }

    /// <summary>The arc tangent.</summary>
    /// <remarks>Reduced to |x| at most tan(pi/8) by the sums of angles, then by its Taylor polynomial of degree 15.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Atan(Vector<float> x)
    {
        Vector<float> size = Vector.Abs(x);
        Vector<int> isLarge = Vector.GreaterThan(size, new Vector<float>(2.41421356f));
        Vector<int> isMiddle = Vector.GreaterThan(size, new Vector<float>(0.41421356f));
        Vector<float> reduced = Vector.ConditionalSelect(isLarge, -Vector<float>.One / size, Vector.ConditionalSelect(isMiddle, (size - Vector<float>.One) / (size + Vector<float>.One), size));
        Vector<float> start = Vector.ConditionalSelect(isLarge, new Vector<float>(1.57079633f), Vector.ConditionalSelect(isMiddle, new Vector<float>(0.785398163f), Vector<float>.Zero));
        Vector<float> square = reduced * reduced;
        Vector<float> p = new(-1f / 15);
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(1f / 13));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(-1f / 11));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(1f / 9));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(-1f / 7));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(1f / 5));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(-1f / 3));
        return CopySign(start + Vector.FusedMultiplyAdd(p * square, reduced, reduced), x);
    }

    // 2 to the power of an exponent of a normal number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> PowerOfTwo(Vector<int> exponent) => Vector.AsVectorSingle(Vector.ShiftLeft(exponent + new Vector<int>(127), 23));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> CopySign(Vector<float> size, Vector<float> sign) =>
        Vector.AsVectorSingle(Vector.ConditionalSelect(new Vector<int>(int.MinValue), Vector.AsVectorInt32(sign), Vector.AsVectorInt32(size)));
}
