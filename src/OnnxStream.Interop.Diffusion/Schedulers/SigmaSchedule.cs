namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>How the noise levels of the steps are spread between the most noise of the training and the least. T is the number of time steps of the training, n that of the steps.</summary>
public enum SigmaSchedule
{
    /// <summary>Time steps spread evenly from T - 1 to 0, both among them: <c>linspace</c> of diffusers, <c>normal</c> of ComfyUI.</summary>
    Uniform,

    /// <summary>Karras et al. 2022, <see href="https://arxiv.org/abs/2206.00364"/>, equation 5: the seventh roots of sigma are spread evenly.</summary>
    Karras,

    /// <summary>The logarithms of sigma are spread evenly.</summary>
    Exponential,

    /// <summary>Time steps spread evenly from T - 1 towards 0, which would be the one after the last (Stability AI's generative-models).</summary>
    SgmUniform,

    /// <summary>The time steps T - 1 - ⌊i T / n⌋ (ComfyUI's <c>simple</c>).</summary>
    Simple,

    /// <summary>Sigmas spread as quantiles of the beta distribution with α = β = 0.6 (Lee et al. 2024, <see href="https://arxiv.org/abs/2407.12173"/>, as web interfaces and diffusers apply it).</summary>
    Beta,

    /// <summary>Align Your Steps (Sabour et al. 2024, <see href="https://arxiv.org/abs/2404.14507"/>): the levels that its authors found for Stable Diffusion 1.5; for other than 10 steps their logarithms are interpolated.</summary>
    AlignYourSteps,

    /// <summary>Align Your Steps with the levels for SDXL.</summary>
    AlignYourStepsXl,

    /// <summary>The time steps T - i T / n - 1, rounded (Lin et al. 2023, <see href="https://arxiv.org/abs/2305.08891"/>, table 2): the first step always has the most noise.</summary>
    Trailing,

    /// <summary>The time steps i ⌊T / n⌋ plus an offset: what DDIM and PNDM were published with.</summary>
    Leading,

    /// <summary>Of the 50 time steps that a consistency distillation used, n that are spread evenly (Luo et al. 2023, <see href="https://arxiv.org/abs/2310.04378"/>).</summary>
    Consistency,
}
