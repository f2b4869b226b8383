namespace OnnxStream.Interop.Diffusion;

/// <summary>A picture that a generation begins with, in latents.</summary>
/// <param name="Latents">Its latents, scaled as the UNET has them.</param>
/// <param name="Mask">1 for each latent, of one channel, that is drawn anew, 0 for what stays; null for all.</param>
/// <param name="ExtraChannels">What a UNET for inpainting sees behind the latents; empty for another.</param>
internal sealed record GivenPicture(float[] Latents, float[]? Mask, float[] ExtraChannels)
{
    /// <summary>Puts back what stays; a UNET for inpainting knows it itself.</summary>
    public void Keep(Span<float> denoised)
    {
        if (Mask is null || ExtraChannels.Length > 0)
        {
            return;
        }

        for (int i = 0; i < denoised.Length; i++)
        {
            float weight = Mask[i % Mask.Length];
            denoised[i] = (denoised[i] * weight) + (Latents[i] * (1 - weight));
        }
    }
}
