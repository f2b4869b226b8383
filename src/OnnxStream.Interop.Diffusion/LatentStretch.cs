using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Makes latents larger, between those that there are: what web interfaces call the upscaler "Latent".</summary>
internal static class LatentStretch
{
    /// <summary>Stretches latents bilinearly; the outermost ones go on to the edge.</summary>
    /// <param name="latents">The latents, <c>[1, channels, height, width]</c>.</param>
    /// <param name="height">The height, not less than that of the latents.</param>
    /// <param name="width">The width, likewise.</param>
    public static TensorBuffer Stretch(TensorBuffer latents, int height, int width)
    {
        int channels = checked((int)latents.Shape[1]), oldHeight = checked((int)latents.Shape[2]), oldWidth = checked((int)latents.Shape[3]);
        // Where a side becomes longer, a triangle over two neighbours is linear between them.
        (int First, float[] Weights)[] rows = TriangleFilter.Create(oldHeight, height), columns = TriangleFilter.Create(oldWidth, width);
        TensorBuffer result = new(ElementType.Float32, new Shape(1, channels, height, width));
        ReadOnlySpan<float> source = latents.Span<float>();
        Span<float> target = result.Span<float>();
        for (int i = 0; i < target.Length; i++)
        {
            (int row, float[] down) = rows[i / width % height];
            (int column, float[] across) = columns[i % width];
            float sum = 0;
            for (int y = 0; y < down.Length; y++)
            {
                for (int x = 0; x < across.Length; x++)
                {
                    sum += down[y] * across[x] * source[(((i / width / height * oldHeight) + row + y) * oldWidth) + column + x];
                }
            }

            target[i] = sum;
        }

        return result;
    }
}
