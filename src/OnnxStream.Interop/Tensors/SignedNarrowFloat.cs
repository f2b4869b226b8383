using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>A narrow format with a sign, an exponent and a mantissa, whose smallest numbers are denormal as in IEEE 754.</summary>
internal sealed class SignedNarrowFloat : NarrowFloat
{
    private const int DoubleMantissaBits = 52;
    private const int DoubleBias = 1023;
    private const long DoubleInfinity = 0x7FFL << DoubleMantissaBits;

    // Numbers that are shifted further are zero: a significand has 53 bits.
    private const int LongestShift = 62;

    private readonly int _mantissaBits;
    private readonly int _bias;
    private readonly int _sign;
    private readonly int _largest;
    private readonly int _nan;
    private readonly int _overflow;
    private readonly bool _isUnsignedZero;

    /// <summary>Makes the format.</summary>
    /// <param name="exponentBits">The bits of the exponent.</param>
    /// <param name="mantissaBits">The bits of the mantissa.</param>
    /// <param name="bias">What the exponent's bits say more than the exponent.</param>
    /// <param name="largest">The code of the largest number.</param>
    /// <param name="nan">The code of NaN without a sign; null if there is none: then NaN becomes negative zero.</param>
    /// <param name="overflow">The code of larger numbers that are not to become the largest one, without a sign.</param>
    /// <param name="isUnsignedZero">Whether the code that would be negative zero is the only NaN.</param>
    public SignedNarrowFloat(int exponentBits, int mantissaBits, int bias, int largest, int? nan, int overflow, bool isUnsignedZero)
        : base(Decode(exponentBits, mantissaBits, bias, largest, hasInfinity: nan is not null && overflow != nan, isUnsignedZero))
    {
        _mantissaBits = mantissaBits;
        _bias = bias;
        _sign = 1 << (exponentBits + mantissaBits);
        _largest = largest;
        _nan = nan ?? _sign;
        _overflow = overflow;
        _isUnsignedZero = isUnsignedZero;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Round(ReadOnlySpan<double> numbers, Span<byte> codes, NarrowRounding rounding)
    {
        int beyond = rounding.Overflows ? _overflow : _largest;
        for (int i = 0; i < numbers.Length; i++)
        {
            long bits = BitConverter.DoubleToInt64Bits(numbers[i]);
            int sign = bits < 0 ? _sign : 0;
            bits &= long.MaxValue;
            int code = bits > DoubleInfinity ? _nan : Magnitude(bits);
            code = bits <= DoubleInfinity && code > _largest ? beyond : code;

            // Where negative zero is NaN, zero has no sign, and NaN has this one.
            codes[i] = (byte)(code == 0 && _isUnsignedZero ? 0 : code | sign);
        }
    }

    // The code of a number that is not negative, as if the exponent had no end.
    private int Magnitude(long bits)
    {
        int exponent = Math.Max(1, (int)(bits >> DoubleMantissaBits));
        long significand = (bits & ((1L << DoubleMantissaBits) - 1)) | (bits >> DoubleMantissaBits > 0 ? 1L << DoubleMantissaBits : 0);
        int lowest = DoubleBias + 1 - _bias;
        int shift = Math.Min(LongestShift, DoubleMantissaBits - _mantissaBits + Math.Max(0, lowest - exponent));
        long units = significand >> shift;
        long rest = significand - (units << shift);
        long half = 1L << (shift - 1);
        units += rest > half || (rest == half && (units & 1) != 0) ? 1 : 0;

        // The first bit of the significand is not stored: it counts one exponent, as does a carry out of the mantissa.
        return (Math.Max(0, exponent - lowest) << _mantissaBits) + (int)units;
    }

    private static float[] Decode(int exponentBits, int mantissaBits, int bias, int largest, bool hasInfinity, bool isUnsignedZero)
    {
        float[] numbers = new float[256];
        int sign = 1 << (exponentBits + mantissaBits);
        for (int i = 0; i < numbers.Length; i++)
        {
            int code = i & (sign - 1);
            int exponent = code >> mantissaBits;
            int mantissa = code & ((1 << mantissaBits) - 1);
            float number =
                code > largest ? hasInfinity && mantissa == 0 ? float.PositiveInfinity : float.NaN :
                exponent == 0 ? MathF.ScaleB(mantissa, 1 - bias - mantissaBits) :
                MathF.ScaleB(mantissa + (1 << mantissaBits), exponent - bias - mantissaBits);
            bool isNegative = (i & sign) != 0;
            numbers[i] = isNegative && code == 0 && isUnsignedZero ? float.NaN : isNegative ? -number : number;
        }

        return numbers;
    }
}
