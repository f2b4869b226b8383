namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>
/// The noise that a model was trained with: betas over the training's time steps, and the standard deviation sigma of the noise,
/// relative to the picture, that they add up to. The defaults are those of Stable Diffusion 1.
/// </summary>
/// <remarks>
/// Ho et al. 2020, <see href="https://arxiv.org/abs/2006.11239"/>; sigma as in Karras et al. 2022,
/// <see href="https://arxiv.org/abs/2206.00364"/>: the square root of (1 - ᾱ) / ᾱ with ᾱ the running product of 1 - beta.
/// </remarks>
public sealed record NoiseSchedule
{
    /// <summary>The number of time steps of the training.</summary>
    public int TrainingTimesteps
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 2);
            field = value;
        }
    } = 1000;

    /// <summary>The first beta.</summary>
    public double BetaStart { get; init; } = 0.00085;

    /// <summary>The last beta.</summary>
    public double BetaEnd { get; init; } = 0.012;

    /// <summary>What lies between the first beta and the last.</summary>
    public BetaSchedule BetaSchedule { get; init; } = BetaSchedule.ScaledLinear;

    /// <summary>What the UNET's output means.</summary>
    public PredictionType PredictionType { get; init; } = PredictionType.Epsilon;

    /// <summary>The noise at a time step; between whole ones its logarithm is interpolated linearly.</summary>
    /// <param name="timestep">From 0 up to <see cref="TrainingTimesteps"/> - 1.</param>
    public double SigmaAt(double timestep) => Sigmas([timestep])[0];

    /// <summary>Time steps for sampling, spread evenly from the last of the training down to 0.</summary>
    /// <param name="count">How many; one alone is the last.</param>
    public double[] Timesteps(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        double last = TrainingTimesteps - 1;
        double[] timesteps = new double[count];
        for (int i = 0; i < count; i++)
        {
            timesteps[i] = count == 1 ? last : last * (count - 1 - i) / (count - 1);
        }

        return timesteps;
    }

    /// <summary>The noise at the start of each of these time steps, and a final 0.</summary>
    /// <param name="timesteps">The time steps.</param>
    public double[] Sigmas(params ReadOnlySpan<double> timesteps)
    {
        double[] logSigmas = LogSigmas();
        double[] sigmas = new double[timesteps.Length + 1];
        for (int i = 0; i < timesteps.Length; i++)
        {
            double timestep = timesteps[i];
            ArgumentOutOfRangeException.ThrowIfNegative(timestep, nameof(timesteps));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(timestep, logSigmas.Length - 1, nameof(timesteps));
            int low = (int)timestep;
            int high = Math.Min(low + 1, logSigmas.Length - 1);
            double weight = timestep - low;
            sigmas[i] = Math.Exp(((1 - weight) * logSigmas[low]) + (weight * logSigmas[high]));
        }

        return sigmas;
    }

    private double[] LogSigmas()
    {
        double[] table = new double[TrainingTimesteps];
        double alphaBar = 1;
        for (int t = 0; t < table.Length; t++)
        {
            alphaBar *= 1 - Beta((double)t / (table.Length - 1));
            table[t] = 0.5 * Math.Log((1 - alphaBar) / alphaBar);
        }

        return table;
    }

    private double Beta(double fraction)
    {
        if (BetaSchedule == BetaSchedule.Linear)
        {
            return BetaStart + ((BetaEnd - BetaStart) * fraction);
        }

        double start = Math.Sqrt(BetaStart);
        double root = start + ((Math.Sqrt(BetaEnd) - start) * fraction);
        return root * root;
    }
}

/// <summary>How betas run from the first to the last.</summary>
public enum BetaSchedule
{
    /// <summary>Their square roots are spread evenly.</summary>
    ScaledLinear,

    /// <summary>They are spread evenly.</summary>
    Linear,
}

/// <summary>What a UNET predicts.</summary>
public enum PredictionType
{
    /// <summary>The noise.</summary>
    Epsilon,

    /// <summary>The velocity: √ᾱ times the noise minus √(1 - ᾱ) times the picture (Salimans and Ho 2022, <see href="https://arxiv.org/abs/2202.00512"/>).</summary>
    Velocity,
}
