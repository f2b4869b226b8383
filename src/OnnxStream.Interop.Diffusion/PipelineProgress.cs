namespace OnnxStream.Interop.Diffusion;

/// <summary>The stages of a generation, in their order. Each has a model, which is open only during its stage.</summary>
public enum PipelineStage
{
    /// <summary>The prompts become what the UNET is conditioned on.</summary>
    TextEncoding,

    /// <summary>Given pictures become latents; only where there are any.</summary>
    ImageEncoding,

    /// <summary>Noise becomes latents.</summary>
    Denoising,

    /// <summary>Latents become pictures.</summary>
    Decoding,

    /// <summary>Pictures become larger (<see cref="Upscaler"/>), as <see cref="HiresFix"/> may want it.</summary>
    Upscaling,
}

/// <summary>How far a generation is.</summary>
/// <param name="Stage">The stage.</param>
/// <param name="Step">Steps of the stage done, of all pictures together.</param>
/// <param name="StepCount">Steps of the stage in all.</param>
public readonly record struct PipelineProgress(PipelineStage Stage, int Step, int StepCount);
