namespace OnnxStream.Interop.Diffusion;

/// <summary>A picture of 8 bits for each of red, green and blue.</summary>
public sealed class RgbImage
{
    private readonly byte[] _pixels;

    /// <summary>Makes a black picture.</summary>
    /// <param name="width">Its width in pixels.</param>
    /// <param name="height">Its height in pixels.</param>
    public RgbImage(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        Width = width;
        Height = height;
        _pixels = new byte[checked(width * height * 3)];
    }

    /// <summary>The width in pixels.</summary>
    public int Width { get; }

    /// <summary>The height in pixels.</summary>
    public int Height { get; }

    /// <summary>Red, green and blue of each pixel, row by row from the top left.</summary>
    public Span<byte> Pixels => _pixels;

    /// <summary>Converts planes of numbers, as a VAE decoder gives them, to bytes.</summary>
    /// <param name="planes">All red, then all green, then all blue, each row by row; <c>width · height · 3</c> numbers.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <param name="minimum">What becomes 0; anything below does too.</param>
    /// <param name="maximum">What becomes 255; anything above does too.</param>
    public static RgbImage FromPlanes(ReadOnlySpan<float> planes, int width, int height, float minimum = -1, float maximum = 1)
    {
        RgbImage image = new(width, height);
        ArgumentOutOfRangeException.ThrowIfNotEqual(planes.Length, image._pixels.Length, nameof(planes));
        int area = width * height;
        float scale = 255 / (maximum - minimum);
        for (int i = 0; i < area; i++)
        {
            for (int channel = 0; channel < 3; channel++)
            {
                // The comparison is written so that a NaN becomes black.
                float value = (planes[(channel * area) + i] - minimum) * scale;
                image._pixels[(i * 3) + channel] = (byte)MathF.Round(value > 0 ? MathF.Min(value, 255) : 0);
            }
        }

        return image;
    }

    /// <summary>Converts bytes to planes of numbers: all red, then all green, then all blue.</summary>
    /// <param name="minimum">What 0 becomes.</param>
    /// <param name="maximum">What 255 becomes.</param>
    public float[] ToPlanes(float minimum = -1, float maximum = 1)
    {
        int area = Width * Height;
        float[] planes = new float[3 * area];
        for (int i = 0; i < planes.Length; i++)
        {
            planes[i] = minimum + (_pixels[(i % area * 3) + (i / area)] / 255f * (maximum - minimum));
        }

        return planes;
    }

    /// <summary>Makes each pixel a square of pixels.</summary>
    /// <param name="factor">The number of pixels along a side of the square.</param>
    public RgbImage Enlarge(int factor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(factor);
        RgbImage large = new(checked(Width * factor), checked(Height * factor));
        for (int y = 0; y < large.Height; y++)
        {
            for (int x = 0; x < large.Width; x++)
            {
                _pixels.AsSpan((((y / factor) * Width) + (x / factor)) * 3, 3).CopyTo(large._pixels.AsSpan(((y * large.Width) + x) * 3));
            }
        }

        return large;
    }
}
