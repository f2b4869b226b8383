namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>The noise before each step of a run and after the last, with the time steps that have it.</summary>
internal sealed class NoiseLevels
{
    // The time steps that latent consistency models were distilled with.
    private const int DistillationSteps = 50;

    private const double KarrasRho = 7, BetaShape = 0.6;

    // Sabour et al. 2024, the levels for 10 steps.
    private static readonly double[] AlignedForSd = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029];
    private static readonly double[] AlignedForXl = [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029];

    private readonly double[] _logSigmas;

    /// <summary>Spreads steps over the noise of the training.</summary>
    /// <param name="noise">The noise of the training.</param>
    /// <param name="schedule">How.</param>
    /// <param name="count">The number of steps.</param>
    /// <param name="offset">What is added to the time steps of <see cref="SigmaSchedule.Leading"/>.</param>
    /// <param name="endsAtZero">Whether the last step removes all noise; else the least of the training is left.</param>
    public NoiseLevels(NoiseSchedule noise, SigmaSchedule schedule, int count, int offset, bool endsAtZero)
    {
        ArgumentNullException.ThrowIfNull(noise);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, noise.TrainingTimesteps);
        _logSigmas = noise.LogSigmas();
        Schedule = schedule;
        Timesteps = new double[count];
        Sigmas = new double[count + 1];
        if (TimestepsOf(schedule, count, offset) is { } timesteps)
        {
            Timesteps = timesteps;
            for (int i = 0; i < count; i++)
            {
                Sigmas[i] = NoiseSchedule.Exponential(_logSigmas, timesteps[i]);
            }
        }
        else
        {
            for (int i = 0; i < count; i++)
            {
                Sigmas[i] = SigmaOf(schedule, count, i);
                Timesteps[i] = TimestepAt(Sigmas[i]);
            }
        }

        // A last step that begins with the least noise could only end with none.
        Sigmas[count] = endsAtZero || Sigmas[count - 1] <= Least ? 0 : Least;
    }

    /// <summary>How they are spread.</summary>
    public SigmaSchedule Schedule { get; }

    /// <summary>The number of steps.</summary>
    public int Count => Timesteps.Length;

    /// <summary>The noise before each step, and after the last.</summary>
    public double[] Sigmas { get; }

    /// <summary>The time step of each.</summary>
    public double[] Timesteps { get; }

    /// <summary>The least noise of the training.</summary>
    public double Least => Math.Exp(_logSigmas[0]);

    /// <summary>The noise at a time step.</summary>
    public double SigmaAt(double timestep) => NoiseSchedule.Exponential(_logSigmas, timestep);

    /// <summary>The time step that has this noise; the first or the last where none has.</summary>
    public double TimestepAt(double sigma)
    {
        double logarithm = Math.Log(sigma);
        int high = Array.BinarySearch(_logSigmas, logarithm);
        if (high >= 0)
        {
            return high;
        }

        high = ~high;
        if (high == 0 || high == _logSigmas.Length)
        {
            return Math.Max(high - 1, 0);
        }

        double below = _logSigmas[high - 1];
        return high - 1 + ((logarithm - below) / (_logSigmas[high] - below));
    }

    // The time steps of a schedule that is made of them, the noisiest first; null where it is made of sigmas.
    private double[]? TimestepsOf(SigmaSchedule schedule, int count, int offset)
    {
        int length = _logSigmas.Length;
        double last = length - 1;
        int stride = Math.Max(length / DistillationSteps, 1), distilled = length / stride;
        Func<int, double>? timestep = schedule switch
        {
            SigmaSchedule.Uniform => i => count == 1 ? last : last * (count - 1 - i) / (count - 1),
            SigmaSchedule.SgmUniform => i => last * (count - i) / count,
            SigmaSchedule.Simple => i => last - (int)((double)i * length / count),
            SigmaSchedule.Trailing => i => Math.Round(length - ((double)i * length / count)) - 1,
            SigmaSchedule.Leading => i => Math.Min(((count - 1 - i) * (length / count)) + offset, last),
            SigmaSchedule.Consistency when count > distilled => throw new ArgumentOutOfRangeException(
                nameof(count), count, $"A model for few steps was distilled with {distilled} time steps, which is also the most that it samples with."),
            SigmaSchedule.Consistency => i => ((distilled - ((long)i * distilled / count)) * stride) - 1,
            _ => null,
        };
        return timestep is null ? null : [.. Enumerable.Range(0, count).Select(timestep)];
    }

    private double SigmaOf(SigmaSchedule schedule, int count, int index)
    {
        double most = Math.Exp(_logSigmas[^1]), least = Least;
        double fraction = count == 1 ? 0 : (double)index / (count - 1);
        switch (schedule)
        {
            case SigmaSchedule.Karras:
                double from = Math.Pow(most, 1 / KarrasRho), to = Math.Pow(least, 1 / KarrasRho);
                return Math.Pow(from + (fraction * (to - from)), KarrasRho);
            case SigmaSchedule.Exponential:
                return Math.Exp(_logSigmas[^1] + (fraction * (_logSigmas[0] - _logSigmas[^1])));
            case SigmaSchedule.Beta:
                return least + (BetaDistribution.Quantile(1 - fraction, BetaShape, BetaShape) * (most - least));
            case SigmaSchedule.AlignYourSteps:
                return Aligned(AlignedForSd, count, index);
            case SigmaSchedule.AlignYourStepsXl:
                return Aligned(AlignedForXl, count, index);
            default:
                throw new ArgumentOutOfRangeException(nameof(schedule), schedule, null);
        }
    }

    // The last of the levels is where the last step ends, and is replaced.
    private static double Aligned(double[] levels, int count, int index) =>
        NoiseSchedule.Exponential(Array.ConvertAll(levels, Math.Log), (double)index * (levels.Length - 1) / count);
}
