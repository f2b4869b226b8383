using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Functions of one number in single precision, right for every number there is: the bounds are in docs/accuracy.md.</summary>
/// <remarks>
/// Results below the normal numbers are not flushed, infinities give limits, and NaN stays NaN. Each is computed for a whole vector at a time.
/// Fused kernels have <see cref="VectorMath"/>, which is quicker and flushes. Polynomials whose source is not named interpolate at Chebyshev's nodes.
/// </remarks>
internal static class VectorFunctions
{
    /// <summary>So far Sin, Cos and Tan are reduced in single precision.</summary>
    public const float LargestAngle = 1e5f;

    // Here e^x has rounded to zero, and to infinity.
    private const float Lowest = -104;
    private const float Highest = 89;
    private const float LeastNormal = 1.17549435e-38f;

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
        int i = Vector512.IsHardwareAccelerated ? ApplyVectors<TFunction, FloatVector512>(ref source, ref target, 0, input.Length, function) : 0;
        i = ApplyVectors<TFunction, FloatVector>(ref source, ref target, i, input.Length, function);
        if (i < input.Length)
        {
            Span<float> rest = stackalloc float[FloatVector.Count];
            rest.Clear();
            input[i..].CopyTo(rest);
            ref float first = ref MemoryMarshal.GetReference(rest);
            ApplyVectors<TFunction, FloatVector>(ref first, ref first, 0, rest.Length, function);
            rest[..(input.Length - i)].CopyTo(output[i..]);
        }
    }

    // Whole vectors; returns where they end.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int ApplyVectors<TFunction, TVector>(ref float source, ref float target, int start, int end, TFunction function)
        where TFunction : struct, IVectorFunction
        where TVector : unmanaged, IFloatVector<TVector>
    {
        int i = start;
        for (; i <= end - TVector.Count; i += TVector.Count)
        {
            TVector x = TVector.Load(ref source, (nuint)i);
            if (!float.IsPositiveInfinity(TFunction.Limit) && TVector.Any(TVector.Xor(TVector.LessThanOrEqual(TVector.Abs(x), TVector.Create(TFunction.Limit)), TVector.FromBits(-1))))
            {
                ApplyEach<TFunction, TVector>(ref Unsafe.Add(ref source, i), ref Unsafe.Add(ref target, i), function);
                continue;
            }

            function.Invoke(x).Store(ref target, (nuint)i);
        }

        return i;
    }

    // A vector with numbers above the limit.
    private static void ApplyEach<TFunction, TVector>(ref float source, ref float target, TFunction function)
        where TFunction : struct, IVectorFunction
        where TVector : unmanaged, IFloatVector<TVector>
    {
        Span<float> results = stackalloc float[TVector.Count];
        function.Invoke(TVector.Load(ref source, 0)).Store(ref results[0], 0);
        for (int i = 0; i < results.Length; i++)
        {
            float x = Unsafe.Add(ref source, i);
            Unsafe.Add(ref target, i) = Math.Abs(x) <= TFunction.Limit ? results[i] : TFunction.InvokeOne(x);
        }
    }

    /// <summary>e to the power of <paramref name="x"/>; relative error below 3e-7.</summary>
    /// <remarks>x = n ln 2 + r with |r| at most (ln 2)/2; e^r by its Taylor polynomial of degree 6.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        // The second operand is what one instruction gives if either is no number, so that NaN stays NaN.
        return ExpOfBounded(V.MinNative(V.Create(Highest), V.MaxNative(V.Create(Lowest), x)));
    }

    // Of what lies between the bounds, or is no number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpOfBounded<V>(V clamped)
        where V : unmanaged, IFloatVector<V>
    {
        // Adding 1.5 * 2^23 rounds to an integer.
        V magic = V.Create(12582912f);
        V n = V.FusedMultiplyAdd(clamped, V.Create(1.44269504f), magic) - magic;
        V r = V.FusedMultiplyAdd(n, V.Create(-0.693145752f), clamped);
        r = V.FusedMultiplyAdd(n, V.Create(-1.42860677e-6f), r);
        V p = V.Create(1f / 720);
        p = V.FusedMultiplyAdd(p, r, V.Create(1f / 120));
        p = V.FusedMultiplyAdd(p, r, V.Create(1f / 24));
        p = V.FusedMultiplyAdd(p, r, V.Create(1f / 6));
        p = V.FusedMultiplyAdd(p, r, V.Create(0.5f));
        p = V.FusedMultiplyAdd(p, r, V.Create(1));
        p = V.FusedMultiplyAdd(p, r, V.Create(1));
        return V.Scale(p, n);
    }

    /// <summary>e^x - 1 without loss of digits near zero.</summary>
    /// <remarks>Between -0.35 and 0.35 by the Taylor series of degree 8.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ExpM1<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V p = V.Create(1f / 40320);
        p = V.FusedMultiplyAdd(p, x, V.Create(1f / 5040));
        p = V.FusedMultiplyAdd(p, x, V.Create(1f / 720));
        p = V.FusedMultiplyAdd(p, x, V.Create(1f / 120));
        p = V.FusedMultiplyAdd(p, x, V.Create(1f / 24));
        p = V.FusedMultiplyAdd(p, x, V.Create(1f / 6));
        p = V.FusedMultiplyAdd(p, x, V.Create(0.5f));
        return V.Select(V.LessThan(V.Abs(x), V.Create(0.35f)), V.FusedMultiplyAdd(p * x, x, x), Exp(x) - V.Create(1));
    }

    /// <summary>ln(1 + <paramref name="x"/>) for x from 0 to 1.</summary>
    /// <remarks>Twice the series of the inverse hyperbolic tangent of x / (2 + x), which is at most a third.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LogOfOneAnd<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V s = x / (x + V.Create(2));
        V square = s * s;
        V p = V.Create(2f / 15);
        p = V.FusedMultiplyAdd(p, square, V.Create(2f / 13));
        p = V.FusedMultiplyAdd(p, square, V.Create(2f / 11));
        p = V.FusedMultiplyAdd(p, square, V.Create(2f / 9));
        p = V.FusedMultiplyAdd(p, square, V.Create(2f / 7));
        p = V.FusedMultiplyAdd(p, square, V.Create(2f / 5));
        p = V.FusedMultiplyAdd(p, square, V.Create(2f / 3));
        return V.FusedMultiplyAdd(p * square, s, s + s);
    }

    /// <summary>The natural logarithm.</summary>
    /// <remarks>x = m 2^n with m between the square roots of 1/2 and 2; ln m is twice the series of the inverse hyperbolic tangent of (m - 1) / (m + 1).</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Log<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V isSmall = V.LessThan(x, V.Create(LeastNormal));
        V normal = V.Select(isSmall, x * V.Create(1 << 25), x);
        V exponent = V.ShiftRight(V.SubtractBits(normal, V.Create(0.70710678f)), 23);
        V f = V.SubtractBits(normal, V.ShiftLeft(exponent, 23)) - V.Create(1);
        V n = V.FromIntegers(exponent) - V.And(isSmall, V.Create(25));
        V s = f / (f + V.Create(2));
        V square = s * s;
        V p = V.Create(2f / 9);
        p = V.FusedMultiplyAdd(p, square, V.Create(2f / 7));
        p = V.FusedMultiplyAdd(p, square, V.Create(2f / 5));
        p = V.FusedMultiplyAdd(p, square, V.Create(2f / 3));
        V log = V.FusedMultiplyAdd(p * square, s, s + s);
        log = V.FusedMultiplyAdd(n, V.Create(0.693145752f), V.FusedMultiplyAdd(n, V.Create(1.42860677e-6f), log));

        // Infinity and NaN stay what they are.
        V zero = V.Create(0);
        log = V.Select(V.LessThan(x, V.Create(float.PositiveInfinity)), log, x);
        return V.Select(V.LessThan(zero, x), log, V.Select(V.Equal(x, zero), V.Create(float.NegativeInfinity), V.Create(float.NaN)));
    }

    /// <summary>ln(1 + <paramref name="x"/>) for x from 0 on.</summary>
    /// <remarks>What rounding did to 1 + x is added in the first order.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V LogP1<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V one = V.Create(1);
        V sum = one + x;
        return Log(sum) + V.Select(V.LessThan(x, V.Create(1e7f)), (x - (sum - one)) / sum, V.Create(0));
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V power = ExpOfBounded(V.MaxNative(V.Create(Lowest), -V.Abs(x)));
        return V.Select(V.LessThan(x, V.Create(0)), power, V.Create(1)) / (V.Create(1) + power);
    }

    /// <summary>(e^x - e^-x) / (e^x + e^-x).</summary>
    /// <remarks>A quotient of polynomials of degree 13 and 6 with the coefficients that Eigen has (Eigen/src/Core/MathFunctionsImpl.h); from 9 on it is 1 to the last digit.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V clamped = V.MinNative(V.Create(9), V.MaxNative(V.Create(-9), x));
        V square = clamped * clamped;
        V p = V.Create(-2.76076847742355e-16f);
        p = V.FusedMultiplyAdd(p, square, V.Create(2.00018790482477e-13f));
        p = V.FusedMultiplyAdd(p, square, V.Create(-8.60467152213735e-11f));
        p = V.FusedMultiplyAdd(p, square, V.Create(5.12229709037114e-08f));
        p = V.FusedMultiplyAdd(p, square, V.Create(1.48572235717979e-05f));
        p = V.FusedMultiplyAdd(p, square, V.Create(6.37261928875436e-04f));
        p = V.FusedMultiplyAdd(p, square, V.Create(4.89352455891786e-03f));
        V q = V.Create(1.19825839466702e-06f);
        q = V.FusedMultiplyAdd(q, square, V.Create(1.18534705686654e-04f));
        q = V.FusedMultiplyAdd(q, square, V.Create(2.26843463243900e-03f));
        q = V.FusedMultiplyAdd(q, square, V.Create(4.89352518554385e-03f));

        // Below, x is the nearest number, and products with it may leave the normal ones.
        return V.Select(V.LessThan(V.Abs(x), V.Create(0.0004f)), x, clamped * p / q);
    }

    /// <summary>(e^x - e^-x) / 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sinh<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V size = V.Abs(x);
        V power = ExpM1(size);
        V small = V.Create(0.5f) * (power + power / (power + V.Create(1)));

        // e^x ends before half of it does.
        V root = Exp(size * V.Create(0.5f));
        return V.CopySign(V.Select(V.LessThan(size, V.Create(20)), small, V.Create(0.5f) * root * root), x);
    }

    /// <summary>(e^x + e^-x) / 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Cosh<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        // e^x ends before half of it does.
        V root = Exp(V.Abs(x) * V.Create(0.5f));
        V half = V.Create(0.5f);
        return V.FusedMultiplyAdd(half * root, root, half / root / root);
    }

    /// <summary>The inverse of the hyperbolic sine, ln(x + sqrt(x² + 1)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Asinh<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V size = V.Abs(x);
        V square = size * size;
        V small = LogP1(size + square / (V.Create(1) + V.Sqrt(V.Create(1) + square)));
        return V.CopySign(V.Select(V.LessThan(size, V.Create(1e8f)), small, Log(size) + V.Create(0.693147181f)), x);
    }

    /// <summary>The inverse of the hyperbolic cosine from 1 on, ln(x + sqrt(x² - 1)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Acosh<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V above = x - V.Create(1);
        V small = LogP1(above + V.Sqrt(above * (above + V.Create(2))));
        V result = V.Select(V.LessThan(x, V.Create(1e8f)), small, Log(x) + V.Create(0.693147181f));
        return V.Select(V.LessThan(x, V.Create(1)), V.Create(float.NaN), result);
    }

    /// <summary>The inverse of the hyperbolic tangent, half of ln((1 + x) / (1 - x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Atanh<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V size = V.Abs(x);
        return V.CopySign(V.Create(0.5f) * LogP1((size + size) / (V.Create(1) - size)), x);
    }

    /// <summary>ln(1 + e^x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Softplus<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        V.Select(V.LessThan(V.Create(0), x), x, V.Create(0)) + LogOfOneAnd(Exp(-V.Abs(x)));

    /// <summary>x * tanh(ln(1 + e^x)). Misra, arXiv 1908.08681.</summary>
    /// <remarks>With p = e^x, tanh(ln(1 + p)) is (p² + 2p) / (p² + 2p + 2).</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Mish<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V power = Exp(V.MinNative(V.Create(20), x));
        V n = power * (power + V.Create(2));
        return x * (n / (n + V.Create(2)));
    }

    /// <summary>The error function.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V size = V.Abs(x);
        V small = SmallErf(x);
        return V.Select(V.LessThan(size, V.Create(1)), small, V.CopySign(V.Create(1) - LargeComplement(size), x));
    }

    /// <summary>x times the probability that a normally distributed number is below x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gelu<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V scaled = x * V.Create(0.70710678f);
        V size = V.Abs(scaled);
        V half = V.Create(0.5f);
        V halfComplement = half * LargeComplement(size);

        // For x < 0 the factor is half of the complement itself: no digits are lost where the result is small.
        V large = V.Select(V.LessThan(x, V.Create(0)), halfComplement, V.Create(1) - halfComplement);
        V small = V.FusedMultiplyAdd(half, SmallErf(scaled), half);
        return x * V.Select(V.LessThan(size, V.Create(1)), small, large);
    }

    /// <summary>The approximation of <see cref="Gelu"/> by tanh: x (1 + tanh(sqrt(2/pi) (x + 0.044715 x³))) / 2, which is x times the sigmoid of twice the argument.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V GeluTanh<V>(V x)
        where V : unmanaged, IFloatVector<V> =>
        x * Sigmoid(x * V.FusedMultiplyAdd(x * x, V.Create(0.0713548163f), V.Create(1.59576912f)));

    /// <summary>The sine of angles up to <see cref="LargestAngle"/>, or the cosine, which is the sine of the next quarter.</summary>
    /// <remarks>By Taylor polynomials of degree 9 and 8 between -pi/4 and pi/4.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sine<V>(V x, bool isCosine)
        where V : unmanaged, IFloatVector<V>
    {
        V r = Quarter(x, out V quarter);
        quarter = isCosine ? V.AddBits(quarter, V.FromBits(1)) : quarter;
        V square = r * r;
        V isOdd = V.Equal(V.FromIntegers(V.And(quarter, V.FromBits(1))), V.Create(1));
        V result = V.Select(isOdd, SmallCosine(square), SmallSine(r, square));
        return V.Xor(result, V.ShiftLeft(V.And(quarter, V.FromBits(2)), 30));
    }

    /// <summary>The tangent of angles up to <see cref="LargestAngle"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tan<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V r = Quarter(x, out V quarter);
        V square = r * r;
        V isOdd = V.Equal(V.FromIntegers(V.And(quarter, V.FromBits(1))), V.Create(1));
        V sine = SmallSine(r, square);
        V cosine = SmallCosine(square);
        return V.Select(isOdd, -cosine, sine) / V.Select(isOdd, sine, cosine);
    }

    /// <summary>The arc sine.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Asin<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V angle = SmallArcSine(V.Abs(x), out V isLarge);
        return V.CopySign(V.Select(isLarge, V.Create(1.57079633f) - (angle + angle), angle), x);
    }

    /// <summary>The arc cosine.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Acos<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V angle = SmallArcSine(V.Abs(x), out V isLarge);
        V large = V.Select(V.LessThan(x, V.Create(0)), V.Create(3.14159265f) - (angle + angle), angle + angle);
        return V.Select(isLarge, large, V.Create(1.57079633f) - V.CopySign(angle, x));
    }

    /// <summary>The arc tangent.</summary>
    /// <remarks>Reduced to |x| at most tan(pi/8) by the sums of angles, then by its Taylor polynomial of degree 15.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Atan<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V size = V.Abs(x);
        V one = V.Create(1);
        V isLarge = V.LessThan(V.Create(2.41421356f), size);
        V isMiddle = V.LessThan(V.Create(0.41421356f), size);

        // One division for all of the three.
        V dividend = V.Select(isLarge, -one, V.Select(isMiddle, size - one, size));
        V reduced = dividend / V.Select(isLarge, size, V.Select(isMiddle, size + one, one));
        V start = V.Select(isLarge, V.Create(1.57079633f), V.And(isMiddle, V.Create(0.785398163f)));
        V square = reduced * reduced;
        V p = V.Create(-1f / 15);
        p = V.FusedMultiplyAdd(p, square, V.Create(1f / 13));
        p = V.FusedMultiplyAdd(p, square, V.Create(-1f / 11));
        p = V.FusedMultiplyAdd(p, square, V.Create(1f / 9));
        p = V.FusedMultiplyAdd(p, square, V.Create(-1f / 7));
        p = V.FusedMultiplyAdd(p, square, V.Create(1f / 5));
        p = V.FusedMultiplyAdd(p, square, V.Create(-1f / 3));
        return V.CopySign(start + V.FusedMultiplyAdd(p * square, reduced, reduced), x);
    }

    // x = quarter * pi/2 + r with |r| at most pi/4, pi/2 in three parts, none larger than what is left, so that the zero of -0 keeps its sign.
    // The first sum is exact: product and number are multiples of the same power of two.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Quarter<V>(V x, out V quarter)
        where V : unmanaged, IFloatVector<V>
    {
        V magic = V.Create(12582912f);
        V shifted = V.FusedMultiplyAdd(x, V.Create(0.636619772f), magic);
        V n = shifted - magic;
        quarter = V.SubtractBits(shifted, magic);
        V r = V.FusedMultiplyAdd(n, V.Create(-1.57079625f), x);
        r = V.FusedMultiplyAdd(n, V.Create(-7.54978942e-08f), r);
        return V.FusedMultiplyAdd(n, V.Create(-5.39030295e-15f), r);
    }

    // The sign is that of r, also where r is -0.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SmallSine<V>(V r, V square)
        where V : unmanaged, IFloatVector<V>
    {
        V p = V.Create(1f / 362880);
        p = V.FusedMultiplyAdd(p, square, V.Create(-1f / 5040));
        p = V.FusedMultiplyAdd(p, square, V.Create(1f / 120));
        p = V.FusedMultiplyAdd(p, square, V.Create(-1f / 6));
        return V.CopySign(V.FusedMultiplyAdd(p * square, r, r), r);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SmallCosine<V>(V square)
        where V : unmanaged, IFloatVector<V>
    {
        V p = V.Create(1f / 40320);
        p = V.FusedMultiplyAdd(p, square, V.Create(-1f / 720));
        p = V.FusedMultiplyAdd(p, square, V.Create(1f / 24));
        p = V.FusedMultiplyAdd(p, square, V.Create(-0.5f));
        return V.FusedMultiplyAdd(p, square, V.Create(1));
    }

    // The arc sine of a size up to 1/2; above, that of the root of half of what it lacks to 1, of which it is pi/2 less twice as much.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SmallArcSine<V>(V size, out V isLarge)
        where V : unmanaged, IFloatVector<V>
    {
        isLarge = V.LessThan(V.Create(0.5f), size);
        V half = V.Create(0.5f) * (V.Create(1) - size);
        V square = V.Select(isLarge, half, size * size);
        V root = V.Select(isLarge, V.Sqrt(half), size);
        V p = V.Create(0.0336908472f);
        p = V.FusedMultiplyAdd(p, square, V.Create(0.0171492384f));
        p = V.FusedMultiplyAdd(p, square, V.Create(0.0311006627f));
        p = V.FusedMultiplyAdd(p, square, V.Create(0.0445994015f));
        p = V.FusedMultiplyAdd(p, square, V.Create(0.0750009454f));
        p = V.FusedMultiplyAdd(p, square, V.Create(0.166666663f));
        return V.FusedMultiplyAdd(p * square, root, root);
    }

    // The error function between -1 and 1: x times a polynomial of x².
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SmallErf<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V square = x * x;
        V p = V.Create(7.87587506e-5f);
        p = V.FusedMultiplyAdd(p, square, V.Create(-8.01686429e-4f));
        p = V.FusedMultiplyAdd(p, square, V.Create(5.18908742e-3f));
        p = V.FusedMultiplyAdd(p, square, V.Create(-2.6854212e-2f));
        p = V.FusedMultiplyAdd(p, square, V.Create(0.112835947f));
        p = V.FusedMultiplyAdd(p, square, V.Create(-0.376126267f));
        p = V.FusedMultiplyAdd(p, square, V.Create(1.12837917f));
        return p * x;
    }

    // 1 less the error function from 1 on, e^(-x²) times the exponential of a polynomial, which is as it is at 4.1 from there on.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V LargeComplement<V>(V x)
        where V : unmanaged, IFloatVector<V>
    {
        V bounded = V.MinNative(V.Create(4.1f), x);
        V p = V.Create(-1.26572743e-5f);
        p = V.FusedMultiplyAdd(p, bounded, V.Create(3.06511444e-4f));
        p = V.FusedMultiplyAdd(p, bounded, V.Create(-3.35892069e-3f));
        p = V.FusedMultiplyAdd(p, bounded, V.Create(2.23268913e-2f));
        p = V.FusedMultiplyAdd(p, bounded, V.Create(-0.102672431f));
        p = V.FusedMultiplyAdd(p, bounded, V.Create(0.360088647f));
        p = V.FusedMultiplyAdd(p, bounded, V.Create(-1.12537341f));
        p = V.FusedMultiplyAdd(p, bounded, V.Create(-9.1056522e-4f));
        return Exp(V.FusedMultiplyAdd(-x, x, p));
    }
}
