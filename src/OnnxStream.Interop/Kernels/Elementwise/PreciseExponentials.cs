using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Functions made of exponentials that keep their digits near zero, where .NET's own subtract nearly equal numbers.</summary>
/// <remarks>For double precision: single precision has <see cref="VectorFunctions"/>.</remarks>
internal static class PreciseExponentials
{
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
