namespace OnnxStream.Interop.Diffusion;

/// <summary>Latents as a picture without a decoder: each pixel is a weighted sum of the channels.</summary>
internal static class LatentPreview
{
    // Fitted by the authors of ComfyUI to the VAEs of the models.
    private static readonly float[][] StableDiffusion = [[0.3512f, 0.2297f, 0.3227f], [0.3250f, 0.4974f, 0.2350f], [-0.2829f, 0.1762f, 0.2721f], [-0.2120f, -0.2616f, -0.7177f]];
    private static readonly float[][] Xl = [[0.3651f, 0.4232f, 0.4341f], [-0.2533f, -0.0042f, 0.1068f], [0.1076f, 0.1111f, -0.0362f], [-0.3165f, -0.2492f, -0.2188f], [0.1084f, -0.0175f, -0.0011f]];

    /// <summary>Draws latents.</summary>
    /// <param name="latents">The latents, scaled as the UNET has them.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="height">The height of latents.</param>
    /// <param name="width">The width of latents.</param>
    /// <param name="configuration">The model.</param>
    /// <returns>A picture with a pixel for each latent; grey where the model's latents have other channels than it is known for.</returns>
    public static RgbImage Draw(ReadOnlySpan<float> latents, int channels, int height, int width, PipelineConfiguration configuration)
    {
        IReadOnlyList<IReadOnlyList<float>> colours = configuration.LatentColours.Count > 0 ? configuration.LatentColours
            : configuration.TextEncoder2Path is null ? StableDiffusion : Xl;
        int area = height * width;
        float[] planes = new float[3 * area];
        for (int colour = 0; colour < 3; colour++)
        {
            Span<float> plane = planes.AsSpan(colour * area, area);
            if (colours.Count > channels)
            {
                plane.Fill(colours[channels][colour]);
            }

            for (int channel = 0; channel < Math.Min(channels, colours.Count); channel++)
            {
                float weight = colours[channel][colour];
                for (int i = 0; i < area; i++)
                {
                    plane[i] += weight * latents[(channel * area) + i];
                }
            }
        }

        return RgbImage.FromPlanes(planes, width, height);
    }
}
