namespace OnnxStream.Interop.Diffusion;

/// <summary>What a UNET is conditioned on.</summary>
/// <param name="HiddenStates">The hidden states of the text encoders, <c>[1, ids, width]</c>; several chunks of a prompt follow one another.</param>
public sealed record UnetCondition(TensorBuffer HiddenStates)
{
    /// <summary>For SDXL, the pooled output of the second text encoder: <c>[1, width]</c>.</summary>
    public TensorBuffer? TextEmbedding { get; init; }

    /// <summary>For SDXL, the original height and width, the top and left of the crop, the height and width of the picture, in pixels: <c>[1, 6]</c>.</summary>
    public TensorBuffer? TimeIds { get; init; }

    /// <summary>What a ControlNet adds to the UNET's skips, and last to its middle; empty for none.</summary>
    public IReadOnlyList<TensorBuffer> Residuals { get; init; } = [];
}
