namespace OnnxStream.Interop.Diffusion;

/// <summary>What of a picture is drawn anew, in pixels and in latents.</summary>
internal sealed class InpaintingMask
{
    private readonly float[] _pixels;

    /// <summary>Reads a mask from the brightness of a picture, and blurs its edge.</summary>
    /// <param name="mask">White for what is drawn anew, black for what stays.</param>
    /// <param name="blur">The standard deviation of the blur in pixels; 0 for none.</param>
    public InpaintingMask(RgbImage mask, float blur)
    {
        Width = mask.Width;
        Height = mask.Height;
        _pixels = new float[Width * Height];
        for (int i = 0; i < _pixels.Length; i++)
        {
            _pixels[i] = (mask.Pixels[i * 3] + mask.Pixels[(i * 3) + 1] + mask.Pixels[(i * 3) + 2]) / (3f * 255);
        }

        if (blur > 0)
        {
            // Beyond two and a half standard deviations there is nothing to see.
            int radius = (int)((2.5f * blur) + 0.5f);
            float[] kernel = [.. Enumerable.Range(-radius, (2 * radius) + 1).Select(x => MathF.Exp(-x * x / (2 * blur * blur)))];
            _pixels = Blur(Blur(_pixels, kernel, Width, Height, 1, Width), kernel, Height, Width, Width, 1);
        }
    }

    /// <summary>The width in pixels.</summary>
    public int Width { get; }

    /// <summary>The height in pixels.</summary>
    public int Height { get; }

    /// <summary>The mask of latents: 1 where at least half of the pixels of a latent is to be drawn anew, else 0.</summary>
    /// <param name="pixelsPerLatent">The pixels along a side of a latent.</param>
    public float[] ToLatents(int pixelsPerLatent)
    {
        int width = Width / pixelsPerLatent, height = Height / pixelsPerLatent;
        float[] latents = new float[width * height];
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++)
            {
                latents[(y / pixelsPerLatent * width) + (x / pixelsPerLatent)] += _pixels[(y * Width) + x];
            }
        }

        return Array.ConvertAll(latents, sum => sum >= pixelsPerLatent * pixelsPerLatent / 2f ? 1f : 0f);
    }

    /// <summary>A copy of planes with zero wherever something is drawn anew.</summary>
    /// <param name="planes">The planes of the picture.</param>
    public float[] Hide(ReadOnlySpan<float> planes)
    {
        float[] hidden = planes.ToArray();
        for (int i = 0; i < hidden.Length; i++)
        {
            hidden[i] = _pixels[i % _pixels.Length] >= 0.5f ? 0 : hidden[i];
        }

        return hidden;
    }

    /// <summary>What was drawn, where the mask says so, over the original, and between the two at the mask's edge.</summary>
    /// <param name="original">The original; as large as the mask.</param>
    /// <param name="drawn">What was drawn.</param>
    public RgbImage Compose(RgbImage original, RgbImage drawn)
    {
        RgbImage result = new(Width, Height);
        for (int i = 0; i < result.Pixels.Length; i++)
        {
            float weight = _pixels[i / 3];
            result.Pixels[i] = (byte)MathF.Round((original.Pixels[i] * (1 - weight)) + (drawn.Pixels[i] * weight));
        }

        return result;
    }

    // Along lines that lie a stride apart; at the ends the kernel has less, and is scaled for it.
    private static float[] Blur(float[] values, float[] kernel, int length, int lines, int step, int lineStep)
    {
        float[] result = new float[values.Length];
        int radius = kernel.Length / 2;
        for (int line = 0; line < lines; line++)
        {
            for (int i = 0; i < length; i++)
            {
                float sum = 0, total = 0;
                for (int k = Math.Max(-radius, -i); k <= Math.Min(radius, length - 1 - i); k++)
                {
                    sum += kernel[k + radius] * values[(line * lineStep) + ((i + k) * step)];
                    total += kernel[k + radius];
                }

                result[(line * lineStep) + (i * step)] = sum / total;
            }
        }

        return result;
    }
}
