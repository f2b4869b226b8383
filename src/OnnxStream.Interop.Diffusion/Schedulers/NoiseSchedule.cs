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
    // What is left of the picture where a schedule goes to zero, so that sigma stays finite: 4,096. As diffusers has it.
    private const double LeastAlphaBar = 1.0 / (1 << 24);

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

    /// <summary>
    /// Whether betas were rescaled so that nothing of the picture is left at the last time step (Lin et al. 2023,
    /// <see href="https://arxiv.org/abs/2305.08891"/>, algorithm 1). A part of 2⁻²⁴ of its variance is taken to be left: sigma is 4,096 there.
    /// </summary>
    public bool HasZeroTerminalSnr { get; init; }

    /// <summary>The noise at a time step; between whole ones its logarithm is interpolated linearly.</summary>
    /// <param name="timestep">From 0 up to <see cref="TrainingTimesteps"/> - 1.</param>
    public double SigmaAt(double timestep) => Exponential(LogSigmas(), timestep);

    /// <summary>The natural logarithms of sigma at each time step of the training.</summary>
    internal double[] LogSigmas()
    {
        double[] table = new double[TrainingTimesteps];
        double alphaBar = 1;
        for (int t = 0; t < table.Length; t++)
        {
            alphaBar *= 1 - Beta(t);
            table[t] = alphaBar;
        }

        if (HasZeroTerminalSnr)
        {
            double first = Math.Sqrt(table[0]), last = Math.Sqrt(table[^1]);
            for (int t = 0; t < table.Length; t++)
            {
                double root = (Math.Sqrt(table[t]) - last) * first / (first - last);
                table[t] = Math.Max(root * root, LeastAlphaBar);
            }
        }

        for (int t = 0; t < table.Length; t++)
        {
            table[t] = 0.5 * Math.Log((1 - table[t]) / table[t]);
        }

        return table;
    }

    /// <summary>The exponential of a value of a table at a place that may lie between two entries.</summary>
    internal static double Exponential(double[] logarithms, double place)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(place);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(place, logarithms.Length - 1);
        int low = (int)place;
        int high = Math.Min(low + 1, logarithms.Length - 1);
        double weight = place - low;
        return Math.Exp(((1 - weight) * logarithms[low]) + (weight * logarithms[high]));
    }

    private double Beta(int timestep)
    {
        const double LargestBeta = 0.999;
        if (BetaSchedule == BetaSchedule.SquaredCosine)
        {
            return Math.Min(1 - (SquaredCosine(timestep + 1) / SquaredCosine(timestep)), LargestBeta);
        }

        double fraction = (double)timestep / (TrainingTimesteps - 1);
        if (BetaSchedule == BetaSchedule.Linear)
        {
            return BetaStart + ((BetaEnd - BetaStart) * fraction);
        }

        double start = Math.Sqrt(BetaStart);
        double root = start + ((Math.Sqrt(BetaEnd) - start) * fraction);
        return root * root;
    }

    private double SquaredCosine(int timestep)
    {
        double cosine = Math.Cos((((double)timestep / TrainingTimesteps) + 0.008) / 1.008 * Math.PI / 2);
        return cosine * cosine;
    }
}
