using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Panels;

/// <summary>Rounds the weights of an output channel to 8 bits, with a scale that makes the sum of the squares of the errors small.</summary>
internal static class ChannelQuantizer
{
    private const int Largest = sbyte.MaxValue;
    private const int Refinements = 2;

    /// <summary>Quantizes a channel.</summary>
    /// <param name="weights">Its weights.</param>
    /// <param name="integers">Receives integers of -127 to 127; as many as there are weights.</param>
    /// <returns>What the integers are multiplied with. NaN, with integers of 0, where a weight is not finite: so is every result then.</returns>
    /// <remarks>
    /// The first scale makes the largest weight 127. For given integers q of weights w, Σwq / Σq² has the least squares of errors; integers
    /// are rounded again with that scale, twice.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Quantize(ReadOnlySpan<float> weights, Span<sbyte> integers)
    {
        float largest = 0;
        foreach (float weight in weights)
        {
            // NaN stays NaN.
            largest = MathF.Max(largest, MathF.Abs(weight));
        }

        if (!float.IsFinite(largest))
        {
            integers.Clear();
            return float.NaN;
        }

        // The smallest normal number is the smallest scale, and 0 is not divided by.
        float scale = MathF.Max(largest / Largest, Smallest);
        for (int refinement = 0; refinement < Refinements; refinement++)
        {
            double products = 0;
            double squares = 0;
            float factor = 1 / scale;
            foreach (float weight in weights)
            {
                float integer = Round(weight, factor);
                products += (double)weight * integer;
                squares += integer * integer;
            }

            if (squares == 0)
            {
                break;
            }

            scale = MathF.Max((float)(products / squares), Smallest);
        }

        float inverse = 1 / scale;
        for (int i = 0; i < weights.Length; i++)
        {
            integers[i] = (sbyte)Round(weights[i], inverse);
        }

        return scale;
    }

    // 1 / Smallest is finite.
    private const float Smallest = 1.17549435e-38f;

    private static float Round(float weight, float factor) => MathF.Round(Math.Clamp(weight * factor, -Largest, Largest));
}
