namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>Between samples, which are a picture plus noise of standard deviation sigma, and what UNETs take and give.</summary>
/// <remarks>UNETs were trained on √ᾱ times the picture plus √(1 - ᾱ) times the noise; with sigma² = (1 - ᾱ) / ᾱ that is the sample over √(sigma² + 1).</remarks>
public static class Preconditioning
{
    /// <summary>Computes the UNET's input from a sample.</summary>
    /// <param name="sample">The sample.</param>
    /// <param name="sigma">The standard deviation of its noise.</param>
    /// <param name="input">Receives the input; as long as the sample.</param>
    public static void ToInput(ReadOnlySpan<float> sample, double sigma, Span<float> input)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(input.Length, sample.Length);
        double scale = 1 / Math.Sqrt((sigma * sigma) + 1);
        for (int i = 0; i < input.Length; i++)
        {
            input[i] = (float)(sample[i] * scale);
        }
    }

    /// <summary>Computes from what the UNET predicts what the sample would be without its noise.</summary>
    /// <param name="predictionType">What the UNET predicts.</param>
    /// <param name="sample">The sample.</param>
    /// <param name="sigma">The standard deviation of its noise.</param>
    /// <param name="output">What the UNET predicts; on return the denoised picture. As long as the sample.</param>
    public static void ToDenoised(PredictionType predictionType, ReadOnlySpan<float> sample, double sigma, Span<float> output)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, sample.Length);
        double variance = (sigma * sigma) + 1;
        (double ofSample, double ofOutput) = predictionType switch
        {
            PredictionType.Epsilon => (1, -sigma),
            PredictionType.Velocity => (1 / variance, -sigma / Math.Sqrt(variance)),
            PredictionType.Sample => (0, 1),
            _ => throw new ArgumentOutOfRangeException(nameof(predictionType), predictionType, null),
        };
        for (int i = 0; i < output.Length; i++)
        {
            output[i] = (float)((ofSample * sample[i]) + (ofOutput * output[i]));
        }
    }
}
