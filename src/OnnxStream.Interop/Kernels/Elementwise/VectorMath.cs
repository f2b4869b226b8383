using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Single-precision functions of whole vectors, for fused kernels. Each lane is computed with + - * / and FMA only.</summary>
internal static class VectorMath
{
    // Between these, e^x and all factors of it are normal numbers.
    private const float Lowest = -87.3f;
    private const float Highest = 88.72283f;

    /// <summary>e to the power of <paramref name="x"/>; relative error below 3e-7, 0 below -87.3, infinity where single precision ends.</summary>
    /// <remarks>
    /// x = n ln 2 + r with |r| at most (ln 2)/2; e^r by its Taylor polynomial of degree 6; 2^n by its exponent bits. What is no number
    /// is neither below nor above the bounds, and the second operand of a maximum stays if it is none.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp(Vector<float> x) =>
        Vector.ConditionalSelect(Vector.GreaterThanOrEqual(x, new Vector<float>(Lowest)), ExpAboveZero(x), Vector.MaxNative(Vector<float>.Zero, x));

    /// <summary>The same function for processors with registers of 512 bits, which <see cref="Vector{T}"/> leaves half empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        Vector512<float> clamped = Vector512.MinNative(Vector512.Create(Highest), Vector512.MaxNative(Vector512.Create(Lowest), x));
        Vector512<float> magic = Vector512.Create(12582912f);
        Vector512<float> shifted = Vector512.FusedMultiplyAdd(clamped, Vector512.Create(1.44269504f), magic);
        Vector512<float> n = shifted - magic;
        Vector512<float> r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693145752f), clamped);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-1.42860677e-6f), r);
        Vector512<float> p = Vector512.Create(1f / 720);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 120));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 24));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 6));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.5f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        Vector512<float> result = (p.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();
        result = Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512.Create(Highest)), Vector512.Create(float.PositiveInfinity), result);
        return Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(x, Vector512.Create(Lowest)), result, Vector512.MaxNative(Vector512<float>.Zero, x));
    }

    // The same, but 1e-38 where it would be less: added to 1 that makes no difference.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> ExpAboveZero(Vector<float> x)
    {
        // The second operand is what one instruction gives if either is no number, so that NaN stays NaN.
        Vector<float> clamped = Vector.MinNative(new Vector<float>(Highest), Vector.MaxNative(new Vector<float>(Lowest), x));
        Vector<float> p = PowerOfRemainder(clamped, out Vector<int> exponent);
        Vector<float> result = Vector.AsVectorSingle(Vector.AsVectorInt32(p) + Vector.ShiftLeft(exponent, 23));

        // An exponent that is added to the bits of a NaN may make a number of them: NaN comes from x itself.
        return Vector.ConditionalSelect(Vector.LessThanOrEqual(x, new Vector<float>(Highest)), result, Vector.MaxNative(new Vector<float>(float.PositiveInfinity), x));
    }

    /// <summary>x = n ln 2 + r with |r| at most (ln 2)/2: e^r, by its Taylor polynomial of degree 6.</summary>
    /// <param name="x">Numbers whose exponential is near the range of single precision.</param>
    /// <param name="exponent">n.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> PowerOfRemainder(Vector<float> x, out Vector<int> exponent)
    {
        // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
        Vector<float> magic = new(12582912f);
        Vector<float> shifted = Vector.FusedMultiplyAdd(x, new Vector<float>(1.44269504f), magic);
        Vector<float> n = shifted - magic;
        Vector<float> r = Vector.FusedMultiplyAdd(n, new Vector<float>(-0.693145752f), x);
        r = Vector.FusedMultiplyAdd(n, new Vector<float>(-1.42860677e-6f), r);
        Vector<float> p = new(1f / 720);
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(1f / 120));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(1f / 24));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(1f / 6));
        p = Vector.FusedMultiplyAdd(p, r, new Vector<float>(0.5f));
        p = Vector.FusedMultiplyAdd(p, r, Vector<float>.One);
        p = Vector.FusedMultiplyAdd(p, r, Vector<float>.One);
        exponent = Vector.AsVectorInt32(shifted) - Vector.AsVectorInt32(magic);
        return p;
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Sigmoid(Vector<float> x) => Vector<float>.One / (Vector<float>.One + ExpAboveZero(-x));

    /// <summary>x * sigmoid(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Silu(Vector<float> x) => x / (Vector<float>.One + ExpAboveZero(-x));

    /// <summary>x * (1 + erf(x / sqrt 2)) / 2; absolute error below 3e-7 * |x|.</summary>
    /// <remarks>Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Gelu(Vector<float> x)
    {
        Vector<float> halfComplement = new Vector<float>(0.5f) * ComplementOfErf(Vector.Abs(x) * new Vector<float>(0.70710678f));

        // For x < 0 the factor is half of the complement itself: no digits are lost where the result is small.
        Vector<float> factor = Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), halfComplement, Vector<float>.One - halfComplement);
        return x * factor;
    }

    /// <summary>1 less the error function of numbers from 0 on; absolute error below 3e-7.</summary>
    /// <remarks>Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> ComplementOfErf(Vector<float> x)
    {
        Vector<float> t = Vector<float>.One / Vector.FusedMultiplyAdd(x, new Vector<float>(0.3275911f), Vector<float>.One);
        Vector<float> p = new(1.061405429f);
        p = Vector.FusedMultiplyAdd(p, t, new Vector<float>(-1.453152027f));
        p = Vector.FusedMultiplyAdd(p, t, new Vector<float>(1.421413741f));
        p = Vector.FusedMultiplyAdd(p, t, new Vector<float>(-0.284496736f));
        p = Vector.FusedMultiplyAdd(p, t, new Vector<float>(0.254829592f));
        return p * t * Exp(-x * x);
    }

    /// <summary>x * sigmoid(1.702 x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> QuickGelu(Vector<float> x) => x / (Vector<float>.One + ExpAboveZero(x * new Vector<float>(-1.702f)));

    /// <summary>x * (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))) / 2, which is x * sigmoid of twice the argument.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> GeluTanh(Vector<float> x)
    {
        Vector<float> inner = x * Vector.FusedMultiplyAdd(x * x, new Vector<float>(0.044715f), Vector<float>.One);
        return x / (Vector<float>.One + ExpAboveZero(inner * new Vector<float>(-1.5957691f)));
    }

    /// <summary>As <see cref="Silu(Vector{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Silu(Vector512<float> x) => x / (Vector512<float>.One + Exp(-x));

    /// <summary>As <see cref="Gelu(Vector{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gelu(Vector512<float> x)
    {
        Vector512<float> z = Vector512.Abs(x) * Vector512.Create(0.70710678f);
        Vector512<float> t = Vector512<float>.One / Vector512.FusedMultiplyAdd(z, Vector512.Create(0.3275911f), Vector512<float>.One);
        Vector512<float> p = Vector512.Create(1.061405429f);
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-1.453152027f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(1.421413741f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-0.284496736f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.254829592f));
        Vector512<float> halfComplement = Vector512.Create(0.5f) * p * t * Exp(-z * z);
        return x * Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<float>.Zero), halfComplement, Vector512<float>.One - halfComplement);
    }

    /// <summary>As <see cref="QuickGelu(Vector{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> QuickGelu(Vector512<float> x) => x / (Vector512<float>.One + Exp(x * Vector512.Create(-1.702f)));

    /// <summary>As <see cref="GeluTanh(Vector{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> GeluTanh(Vector512<float> x)
    {
        Vector512<float> inner = x * Vector512.FusedMultiplyAdd(x * x, Vector512.Create(0.044715f), Vector512<float>.One);
        return x / (Vector512<float>.One + Exp(inner * Vector512.Create(-1.5957691f)));
    }
}
