namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>What a UNET predicts.</summary>
public enum PredictionType
{
    /// <summary>The noise.</summary>
    Epsilon,

    /// <summary>The velocity: √ᾱ times the noise minus √(1 - ᾱ) times the picture (Salimans and Ho 2022, <see href="https://arxiv.org/abs/2202.00512"/>).</summary>
    Velocity,

    /// <summary>The picture.</summary>
    Sample,
}
