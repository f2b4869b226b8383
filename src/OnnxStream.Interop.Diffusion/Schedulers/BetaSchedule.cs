namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>How betas run from the first to the last.</summary>
public enum BetaSchedule
{
    /// <summary>Their square roots are spread evenly.</summary>
    ScaledLinear,

    /// <summary>They are spread evenly.</summary>
    Linear,

    /// <summary>
    /// ᾱ follows a squared cosine, each beta at most 0.999 (Nichol and Dhariwal 2021, <see href="https://arxiv.org/abs/2102.09672"/>);
    /// the first and the last beta are not used.
    /// </summary>
    SquaredCosine,
}
