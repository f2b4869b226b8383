using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Functions of one number in single precision, right for every number there is: the bounds are in docs/accuracy.md.</summary>
/// <remarks>
/// Results below the normal numbers are not flushed, infinities give limits, and NaN stays NaN. Each is computed for a whole vector at a time.
/// Fused kernels have <see cref="VectorMath"/>, which is quicker and flushes.
/// </remarks>
internal static class VectorFunctions
{
    // Here e^x has rounded to zero, and to infinity.
    private const float Lowest = -104;
    private const float Highest = 89;

    /// <summary>Computes a function of every element; input and output may be the same memory.</summary>
    /// <param name="input">The elements.</param>
    /// <param name="output">As many results.</param>
    /// <param name="function">The function, whose fields hold its parameters.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply<TFunction>(ReadOnlySpan<float> input, Span<float> output, TFunction function)
        where TFunction : struct, IVectorFunction
    {
        ref float source = ref MemoryMarshal.GetReference(input);
        ref float target = ref MemoryMarshal.GetReference(output[..input.Length]);
        int i = 0;
        for (; i <= input.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            function.Invoke(Vector.LoadUnsafe(ref source, (nuint)i)).StoreUnsafe(ref target, (nuint)i);
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
    /// <remarks>As <see cref="VectorMath.Exp(Vector{float})"/>, but 2^n in two factors, of which none leaves the normal numbers: their product does where the result has to.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Exp(Vector<float> x)
    {
        // The second operand is what one instruction gives if either is no number, so that NaN stays NaN.
        Vector<float> clamped = Vector.MinNative(new Vector<float>(Highest), Vector.MaxNative(new Vector<float>(Lowest), x));
        Vector<float> p = VectorMath.PowerOfRemainder(clamped, out Vector<int> exponent);
        Vector<int> half = Vector.ShiftRightArithmetic(exponent, 1);
        return p * PowerOfTwo(half) * PowerOfTwo(exponent - half);
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
    /// <remarks>A quotient of polynomials of degree 13 and 6 with the coefficients that Eigen has (Eigen/src/Core/MathFunctionsImpl.h); from 9 on it is 1 to the last digit.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Tanh(Vector<float> x)
    {
        Vector<float> clamped = Vector.MinNative(new Vector<float>(9), Vector.MaxNative(new Vector<float>(-9), x));
        Vector<float> square = clamped * clamped;
        Vector<float> p = new(-2.76076847742355e-16f);
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(2.00018790482477e-13f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(-8.60467152213735e-11f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(5.12229709037114e-08f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(1.48572235717979e-05f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(6.37261928875436e-04f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(4.89352455891786e-03f));
        Vector<float> q = new(1.19825839466702e-06f);
        q = Vector.FusedMultiplyAdd(q, square, new Vector<float>(1.18534705686654e-04f));
        q = Vector.FusedMultiplyAdd(q, square, new Vector<float>(2.26843463243900e-03f));
        q = Vector.FusedMultiplyAdd(q, square, new Vector<float>(4.89352518554385e-03f));

        // Below, x is the nearest number, and products with it may leave the normal ones.
        return Vector.ConditionalSelect(Vector.LessThan(Vector.Abs(x), new Vector<float>(0.0004f)), x, clamped * p / q);
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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Erf(Vector<float> x)
    {
        Vector<float> small = SmallErf(x);
        return Vector.ConditionalSelect(Vector.LessThan(Vector.Abs(x), Vector<float>.One), small, CopySign(Vector<float>.One - VectorMath.ComplementOfErf(Vector.Abs(x)), x));
    }

    /// <summary>x times the probability that a normally distributed number is below x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Gelu(Vector<float> x)
    {
        Vector<float> scaled = x * new Vector<float>(0.70710678f);
        Vector<float> half = new(0.5f);
        Vector<float> halfComplement = half * VectorMath.ComplementOfErf(Vector.Abs(scaled));

        // For x < 0 the factor is half of the complement itself: no digits are lost where the result is small.
        Vector<float> large = Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), halfComplement, Vector<float>.One - halfComplement);
        Vector<float> small = Vector.FusedMultiplyAdd(half, SmallErf(scaled), half);
        return x * Vector.ConditionalSelect(Vector.LessThan(Vector.Abs(scaled), Vector<float>.One), small, large);
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

    // The error function between -1 and 1, by its Taylor series (DLMF 7.6.1).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> SmallErf(Vector<float> x)
    {
        Vector<float> square = x * x;
        Vector<float> p = new(1.4807193e-8f);
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(-1.6365845e-7f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(1.6462114e-6f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(-1.4925650e-5f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(1.2055332e-4f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(-8.5483270e-4f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(5.2239777e-3f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(-2.6866171e-2f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(0.11283792f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(-0.37612639f));
        p = Vector.FusedMultiplyAdd(p, square, new Vector<float>(1.1283792f));
        return p * x;
    }

    // 2 to the power of an exponent of a normal number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> PowerOfTwo(Vector<int> exponent) => Vector.AsVectorSingle(Vector.ShiftLeft(exponent + new Vector<int>(127), 23));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> CopySign(Vector<float> size, Vector<float> sign) =>
        Vector.AsVectorSingle(Vector.ConditionalSelect(new Vector<int>(int.MinValue), Vector.AsVectorInt32(sign), Vector.AsVectorInt32(size)));
}
