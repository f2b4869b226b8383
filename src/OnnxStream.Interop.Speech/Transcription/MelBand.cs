namespace OnnxStream.Interop.Speech;

/// <summary>A band of the mel scale in Slaney's form: a triangle over frequencies, of equal area. https://engineering.purdue.edu/~malcolm/interval/1998-010</summary>
/// <param name="First">The first frequency of the transform that the band hears.</param>
/// <param name="Weights">How much it hears of that and the next ones.</param>
internal sealed record MelBand(int First, float[] Weights)
{
    // Linear up to 1 kHz, then logarithmic: 27 steps for a factor of 6.4.
    private const double LinearStep = 200.0 / 3;
    private const double Break = 1000;
    private const double LogarithmicSteps = 27;
    private const double LogarithmicFactor = 6.4;

    /// <summary>The bands from 0 to half of the sample rate.</summary>
    /// <param name="count">How many.</param>
    /// <param name="sampleRate">Samples a second.</param>
    /// <param name="length">Samples of a transform.</param>
    public static MelBand[] Create(int count, int sampleRate, int length)
    {
        double top = ToMel(sampleRate / 2.0);
        double[] corners = [.. Enumerable.Range(0, count + 2).Select(i => ToFrequency(top * i / (count + 1)))];
        MelBand[] bands = new MelBand[count];
        for (int band = 0; band < count; band++)
        {
            (double low, double middle, double high) = (corners[band], corners[band + 1], corners[band + 2]);
            List<float> weights = [];
            int first = 0;
            for (int k = 0; k <= length / 2; k++)
            {
                double frequency = (double)k * sampleRate / length;
                double height = Math.Min((frequency - low) / (middle - low), (high - frequency) / (high - middle));
                if (height > 0)
                {
                    first = weights.Count == 0 ? k : first;
                    weights.Add((float)(height * 2 / (high - low)));
                }
            }

            bands[band] = new MelBand(first, [.. weights]);
        }

        return bands;
    }

    private static double ToMel(double frequency) => frequency < Break
        ? frequency / LinearStep
        : (Break / LinearStep) + (Math.Log(frequency / Break) * LogarithmicSteps / Math.Log(LogarithmicFactor));

    private static double ToFrequency(double mel) => mel < Break / LinearStep
        ? mel * LinearStep
        : Break * Math.Exp((mel - (Break / LinearStep)) * Math.Log(LogarithmicFactor) / LogarithmicSteps);
}
