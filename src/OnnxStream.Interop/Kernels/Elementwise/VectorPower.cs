using System.Numerics;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Powers of positive numbers of single precision, computed in double.</summary>
/// <remarks>
/// The exponential of the product of exponent and logarithm, both to the base 2. The polynomials are Chebyshev interpolations: of the logarithm, by
/// 2 atanh((m - 1) / (m + 1)) for m from the root of a half to that of 2, with an error of 5e-12, and of the exponential from -1/2 to 1/2 with one of 6e-11.
/// </remarks>
internal static class VectorPower
{
    // Added to an integer of less than 52 bits, it makes the bits of a real that is that integer and 1.5 * 2^52.
    private const double Magic = 6755399441055744;

    // The bits of 2^52, and what is too much where an exponent of a real is written behind it.
    private const ulong IntegerBits = 0x4330000000000000;
    private const double IntegerOffset = 4503599627370496 + 1023;

    private const ulong OneBits = 0x3FF0000000000000;
    private const ulong RootOfHalfBits = 0x3FE6A09E667F3BCD;
    private const ulong ExponentMask = 0xFFF0000000000000;
    private const int MantissaBits = 52;

    // Exponents beyond it are for those that know what becomes infinite.
    private const double LargestExponent = 1000;

    /// <summary>Raises numbers, if all are positive and finite and no result is far out of range.</summary>
    /// <param name="number">The numbers.</param>
    /// <param name="exponent">The exponents.</param>
    /// <param name="power">The powers.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRaise(Vector<float> number, Vector<float> exponent, out Vector<float> power)
    {
        Vector.Widen(number, out Vector<double> lowNumber, out Vector<double> highNumber);
        Vector.Widen(exponent, out Vector<double> lowExponent, out Vector<double> highExponent);
        Vector<double> low = lowExponent * Logarithm(lowNumber);
        Vector<double> high = highExponent * Logarithm(highNumber);
        power = Vector.Narrow(Exponential(low), Exponential(high));
        Vector<double> limit = new(LargestExponent);
        return Vector.GreaterThanAll(number, Vector<float>.Zero) && Vector.LessThanAll(number, new Vector<float>(float.PositiveInfinity)) &&
            Vector.LessThanAll(Vector.Abs(low), limit) && Vector.LessThanAll(Vector.Abs(high), limit);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> Logarithm(Vector<double> number)
    {
        Vector<ulong> bits = Vector.AsVectorUInt64(number);
        Vector<ulong> moved = bits + new Vector<ulong>(OneBits - RootOfHalfBits);
        Vector<double> whole = Vector.AsVectorDouble((moved >> MantissaBits) | new Vector<ulong>(IntegerBits)) - new Vector<double>(IntegerOffset);
        Vector<double> mantissa = Vector.AsVectorDouble(bits - (moved & new Vector<ulong>(ExponentMask)) + new Vector<ulong>(OneBits));
        Vector<double> quotient = (mantissa - Vector<double>.One) / (mantissa + Vector<double>.One);
        Vector<double> square = quotient * quotient;
        Vector<double> sum = Vector.MultiplyAddEstimate(square, new Vector<double>(0.3407141137399548), new Vector<double>(0.4116736597081203));
        sum = Vector.MultiplyAddEstimate(square, sum, new Vector<double>(0.5770835676800076));
        sum = Vector.MultiplyAddEstimate(square, sum, new Vector<double>(0.9617966734433597));
        sum = Vector.MultiplyAddEstimate(square, sum, new Vector<double>(2.885390081789993));
        return Vector.MultiplyAddEstimate(quotient, sum, whole);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<double> Exponential(Vector<double> exponent)
    {
        Vector<double> rounded = exponent + new Vector<double>(Magic);
        Vector<double> rest = exponent - (rounded - new Vector<double>(Magic));
        Vector<double> sum = Vector.MultiplyAddEstimate(rest, new Vector<double>(1.5303701127683718e-05), new Vector<double>(0.00015469729211713235));
        sum = Vector.MultiplyAddEstimate(rest, sum, new Vector<double>(0.0013333478471918977));
        sum = Vector.MultiplyAddEstimate(rest, sum, new Vector<double>(0.009618025613324433));
        sum = Vector.MultiplyAddEstimate(rest, sum, new Vector<double>(0.055504109063279794));
        sum = Vector.MultiplyAddEstimate(rest, sum, new Vector<double>(0.24022651213498097));
        sum = Vector.MultiplyAddEstimate(rest, sum, new Vector<double>(0.6931471805568319));
        sum = Vector.MultiplyAddEstimate(rest, sum, new Vector<double>(0.9999999999595617));
        return Vector.AsVectorDouble(Vector.AsVectorUInt64(sum) + (Vector.AsVectorUInt64(rounded) << MantissaBits));
    }
}
