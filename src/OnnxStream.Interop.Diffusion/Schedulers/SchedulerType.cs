namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>How a sample gets from one noise level to the next: the samplers, as programs of this field call them.</summary>
public enum SchedulerType
{
    /// <summary>Euler's method: one evaluation in a step. Karras et al. 2022, <see href="https://arxiv.org/abs/2206.00364"/>.</summary>
    Euler,

    /// <summary>Euler's method that goes down further than the next level and adds noise up to it.</summary>
    EulerAncestral,

    /// <summary>Heun's method: two evaluations in a step. Karras et al. 2022, algorithm 1.</summary>
    Heun,

    /// <summary>DPM-Solver-2: the slope in the middle, two evaluations in a step. Lu et al. 2022, <see href="https://arxiv.org/abs/2206.00927"/>.</summary>
    Dpm2,

    /// <summary>DPM-Solver-2 with ancestral noise.</summary>
    Dpm2Ancestral,

    /// <summary>Linear multistep: Adams and Bashforth's method of order 4 over sigma, with the steps as they are.</summary>
    Lms,

    /// <summary>DPM-Solver++(2S) with ancestral noise, two evaluations in a step. Lu et al. 2022, <see href="https://arxiv.org/abs/2211.01095"/>.</summary>
    DpmPlusPlus2SAncestral,

    /// <summary>DPM-Solver++(2M): second order of the denoised pictures of two steps.</summary>
    DpmPlusPlus2M,

    /// <summary>A variant of DPM-Solver++(2M) with the mean of two steps, from stable-diffusion.cpp.</summary>
    DpmPlusPlus2MV2,

    /// <summary>SDE-DPM-Solver++(2M), with new noise in each step; midpoint form.</summary>
    DpmPlusPlus2MSde,

    /// <summary>SDE-DPM-Solver++(2M), Heun form.</summary>
    DpmPlusPlus2MSdeHeun,

    /// <summary>SDE-DPM-Solver++(3M): third order of the denoised pictures of three steps, with new noise in each.</summary>
    DpmPlusPlus3MSde,

    /// <summary>SDE-DPM-Solver++ with two evaluations in a step.</summary>
    DpmPlusPlusSde,

    /// <summary>DDIM, Song et al. 2020, <see href="https://arxiv.org/abs/2010.02502"/>.</summary>
    Ddim,

    /// <summary>DDPM, Ho et al. 2020, <see href="https://arxiv.org/abs/2006.11239"/>: each step draws from the posterior.</summary>
    Ddpm,

    /// <summary>PLMS, the pseudo linear multistep method of PNDM: Liu et al. 2022, <see href="https://arxiv.org/abs/2202.09778"/>. One evaluation more than steps.</summary>
    Plms,

    /// <summary>UniPC: predictor and corrector of order 2. Zhao et al. 2023, <see href="https://arxiv.org/abs/2302.04867"/>.</summary>
    UniPc,

    /// <summary>DEIS (tAB, over log rho) of order 2. Zhang and Chen 2022, <see href="https://arxiv.org/abs/2204.13902"/>.</summary>
    Deis,

    /// <summary>iPNDM: PLMS's coefficients with fewer of them in the first steps. Zhang and Chen 2022.</summary>
    Ipndm,

    /// <summary>For latent consistency models: Luo et al. 2023, <see href="https://arxiv.org/abs/2310.04378"/>.</summary>
    Lcm,

    /// <summary>Trajectory consistency distillation: Zheng et al. 2024, <see href="https://arxiv.org/abs/2402.19159"/>.</summary>
    Tcd,
}
