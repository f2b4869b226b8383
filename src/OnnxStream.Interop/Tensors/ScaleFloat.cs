using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Tensors;

/// <summary>Float8e8m0: the exponent of single precision alone. Codes 0 to 254 are the powers of two from 2^-127 to 2^127, 255 is NaN.</summary>
/// <remarks>ONNX leaves open what negative numbers become: NaN here, so that nobody computes with them unawares. Negative zero counts as zero.</remarks>
internal sealed class ScaleFloat : NarrowFloat
{
    private const int Bias = 127;
    private const byte NaN = 255;
    private const byte Largest = 254;
    private const int DoubleMantissaBits = 52;
    private const int DoubleBias = 1023;

    private static readonly double s_smallestNumber = Math.ScaleB(1, -Bias);
    private static readonly double s_largestNumber = Math.ScaleB(1, Largest - Bias);

    /// <summary>Makes the format.</summary>
    public ScaleFloat()
        : base([.. Enumerable.Range(0, NaN).Select(code => MathF.ScaleB(1, code - Bias)), float.NaN])
    {
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Round(ReadOnlySpan<double> numbers, Span<byte> codes, NarrowRounding rounding)
    {
        // From which fraction on the next power of two is taken.
        long up = rounding.Scale switch
        {
            ScaleRounding.Up => 1,
            ScaleRounding.Nearest => 1L << (DoubleMantissaBits - 1),
            _ => long.MaxValue,
        };
        for (int i = 0; i < numbers.Length; i++)
        {
            double number = numbers[i];
            if (number >= s_smallestNumber && number <= s_largestNumber)
            {
                long bits = BitConverter.DoubleToInt64Bits(number);
                long fraction = bits & ((1L << DoubleMantissaBits) - 1);
                codes[i] = (byte)((bits >> DoubleMantissaBits) - DoubleBias + Bias + (fraction >= up ? 1 : 0));
            }
            else
            {
                codes[i] = rounding.Overflows || !(number >= 0) ? NaN : number > 1 ? Largest : (byte)0;
            }
        }
    }
}
