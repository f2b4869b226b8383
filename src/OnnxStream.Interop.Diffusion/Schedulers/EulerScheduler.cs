using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>Euler's method: each step follows the straight line that the UNET points along. Adds no noise.</summary>
/// <remarks>
/// Karras et al. 2022, <see href="https://arxiv.org/abs/2206.00364"/>, algorithm 2 without churn, with the time steps and the
/// noise levels of k-diffusion: the derivative of the sample by sigma is the predicted noise.
/// </remarks>
public sealed class EulerScheduler : IScheduler
{
    private readonly double[] _sigmas;
    private readonly PredictionType _predictionType;

    /// <summary>Spreads steps over a noise schedule.</summary>
    /// <param name="schedule">The noise that the model was trained with.</param>
    /// <param name="stepCount">The number of steps.</param>
    public EulerScheduler(NoiseSchedule schedule, int stepCount)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        double[] timesteps = schedule.Timesteps(stepCount);
        _sigmas = schedule.Sigmas(timesteps);
        _predictionType = schedule.PredictionType;
        Timesteps = Array.ConvertAll(timesteps, timestep => (float)timestep);
        Sigmas = Array.ConvertAll(_sigmas, sigma => (float)sigma);
    }

    /// <inheritdoc/>
    public string Name => "Euler";

    /// <inheritdoc/>
    public IReadOnlyList<float> Timesteps { get; }

    /// <summary>The noise before each step, and after the last.</summary>
    public IReadOnlyList<float> Sigmas { get; }

    /// <inheritdoc/>
    public float InitialNoiseSigma => Sigmas[0];

    /// <inheritdoc/>
    public void ScaleModelInput(ReadOnlySpan<float> sample, int index, Span<float> scaled)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(scaled.Length, sample.Length);
        float scale = (float)Math.Sqrt((_sigmas[index] * _sigmas[index]) + 1);
        for (int i = 0; i < scaled.Length; i++)
        {
            scaled[i] = sample[i] / scale;
        }
    }

    /// <inheritdoc/>
    public void Step(ReadOnlySpan<float> output, int index, Span<float> sample, IRandomSource random)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, sample.Length);
        double sigma = _sigmas[index];
        double change = _sigmas[index + 1] - sigma;

        // The predicted noise is a combination of output and sample; for epsilon the output itself.
        double ofOutput = 1, ofSample = 0;
        if (_predictionType == PredictionType.Velocity)
        {
            ofOutput = 1 / Math.Sqrt((sigma * sigma) + 1);
            ofSample = sigma / ((sigma * sigma) + 1);
        }

        float stepOfOutput = (float)(ofOutput * change);
        float stepOfSample = (float)(ofSample * change);
        for (int i = 0; i < sample.Length; i++)
        {
            sample[i] += (output[i] * stepOfOutput) + (sample[i] * stepOfSample);
        }
    }
}
