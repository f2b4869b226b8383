using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>Euler's method with ancestral noise: each step goes down further than Euler's, then adds new noise up to the next level.</summary>
/// <remarks>
/// The step is that of Karras et al. 2022, <see href="https://arxiv.org/abs/2206.00364"/>; how it is divided into a way down and
/// new noise is the convention of k-diffusion, with the variance of the posterior of Ho et al. 2020
/// (<see href="https://arxiv.org/abs/2006.11239"/>), eta = 1.
/// </remarks>
public sealed class EulerAncestralScheduler : IScheduler
{
    private readonly double[] _sigmas;
    private readonly PredictionType _predictionType;

    /// <summary>Spreads steps over a noise schedule.</summary>
    /// <param name="schedule">The noise that the model was trained with.</param>
    /// <param name="stepCount">The number of steps.</param>
    public EulerAncestralScheduler(NoiseSchedule schedule, int stepCount)
    {
        ArgumentNullException.ThrowIfNull(schedule);
        double[] timesteps = schedule.Timesteps(stepCount);
        _sigmas = schedule.Sigmas(timesteps);
        _predictionType = schedule.PredictionType;
        Timesteps = Array.ConvertAll(timesteps, timestep => (float)timestep);
        Sigmas = Array.ConvertAll(_sigmas, sigma => (float)sigma);
    }

    /// <inheritdoc/>
    public string Name => "Euler a";

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
        ArgumentNullException.ThrowIfNull(random);
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, sample.Length);
        double sigma = _sigmas[index];
        double next = _sigmas[index + 1];
        double up = Math.Min(next, Math.Sqrt(next * next * ((sigma * sigma) - (next * next)) / (sigma * sigma)));
        double down = Math.Sqrt((next * next) - (up * up));
        double change = down - sigma;

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

        if (next > 0)
        {
            float[] noise = new float[sample.Length];
            random.NextNormal(noise);
            for (int i = 0; i < sample.Length; i++)
            {
                sample[i] += noise[i] * (float)up;
            }
        }
    }
}
