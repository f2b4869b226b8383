using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Panels;

/// <summary>Rounds a block of weights to 4 bits, with a scale that makes the sum of the squares of the errors small.</summary>
internal static class BlockQuantizer
{
    /// <summary>The weights of a block.</summary>
    public const int BlockLength = 32;

    private const int Least = -8;
    private const int Greatest = 7;
    private const int Vectors = BlockLength / 8;
    private const float Magic = 12582912; // 1.5 * 2^23: adding it and taking it away again rounds to the nearest integer

    // The smallest normal number that is a brain float, and the largest of which eight times is finite.
    private const ushort SmallestScale = 0x0080;
    private const ushort LargestScale = 0x7DFF;

    // What the weight that is farthest from 0 becomes, tried in turn: where the others are small, clipping it costs less than coarse steps.
    private static readonly float[] s_ends = [6.6f, 7, 7.4f, 7.8f, 8.2f, 8.8f];

    /// <summary>Quantizes a block.</summary>
    /// <param name="weights"><see cref="BlockLength"/> weights.</param>
    /// <param name="nibbles">Receives integers plus 8, two in a byte, the first in its lower half.</param>
    /// <returns>What integers are multiplied with, as a brain float: positive and normal.</returns>
    /// <remarks>
    /// For each of a few scales the integers q of the weights w are found, and with them the scale Σwq / Σq² that has the least squares of errors; the best is
    /// taken. Weights must be finite: a block that is not becomes the largest numbers that there are, because XNNPACK takes no other scales.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ushort Quantize(ReadOnlySpan<float> weights, Span<byte> nibbles)
    {
        float largest = 0;
        foreach (float weight in weights)
        {
            largest = MathF.Max(largest, MathF.Abs(weight));
        }

        if (!float.IsFinite(largest))
        {
            Saturate(weights, nibbles);
            return LargestScale;
        }

        ushort best = SmallestScale;
        float bestGain = -1;
        foreach (float end in s_ends)
        {
            (float products, float squares) = Project(weights, end / largest);

            // The error is Σw² - (Σwq)² / Σq²: the more is taken away, the better.
            if (squares > 0 && float.IsFinite(products) && products * (products / squares) is var gain && gain > bestGain)
            {
                bestGain = gain;
                best = Round(products / squares);
            }
        }

        // Products of tiny or huge numbers leave the range: then the plain scale does.
        best = bestGain >= 0 ? best : Round(largest / Greatest);
        Write(weights, 1 / Widen(best), nibbles);
        return best;
    }

    private static (float Products, float Squares) Project(ReadOnlySpan<float> weights, float factor)
    {
        Vector256<float> products = Vector256<float>.Zero;
        Vector256<float> squares = Vector256<float>.Zero;
        for (int i = 0; i < Vectors; i++)
        {
            Vector256<float> values = Vector256.Create(weights.Slice(i * Vector256<float>.Count, Vector256<float>.Count));
            Vector256<float> integers = Nearest(values * factor);
            products += values * integers;
            squares += integers * integers;
        }

        return (Vector256.Sum(products), Vector256.Sum(squares));
    }

    private static Vector256<float> Nearest(Vector256<float> values) =>
        Vector256.Min(Vector256.Max(values, Vector256.Create((float)Least)), Vector256.Create((float)Greatest)) + Vector256.Create(Magic) - Vector256.Create(Magic);

    private static void Write(ReadOnlySpan<float> weights, float factor, Span<byte> nibbles)
    {
        for (int i = 0; i < nibbles.Length; i++)
        {
            nibbles[i] = (byte)(Nibble(weights[2 * i], factor) | (Nibble(weights[2 * i + 1], factor) << 4));
        }
    }

    private static int Nibble(float weight, float factor) => (int)MathF.Round(Math.Clamp(weight * factor, Least, Greatest)) - Least;

    private static void Saturate(ReadOnlySpan<float> weights, Span<byte> nibbles)
    {
        for (int i = 0; i < nibbles.Length; i++)
        {
            nibbles[i] = (byte)(End(weights[2 * i]) | (End(weights[2 * i + 1]) << 4));
        }

        static int End(float weight) => float.IsFinite(weight) ? -Least : weight < 0 ? 0 : Greatest - Least;
    }

    private static ushort Round(float scale)
    {
        uint bits = BitConverter.SingleToUInt32Bits(scale);
        return (ushort)Math.Clamp((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, SmallestScale, LargestScale);
    }

    private static float Widen(ushort scale) => BitConverter.UInt32BitsToSingle((uint)scale << 16);
}
