namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>A model of a pipeline that weights are for.</summary>
internal enum PipelineComponent
{
    /// <summary>The UNET.</summary>
    Unet,

    /// <summary>The text encoder.</summary>
    TextEncoder,

    /// <summary>The second text encoder, of SDXL.</summary>
    TextEncoder2,

    /// <summary>The decoder of the VAE.</summary>
    VaeDecoder,

    /// <summary>The encoder of the VAE.</summary>
    VaeEncoder,
}
