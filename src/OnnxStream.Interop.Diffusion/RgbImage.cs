using StbImageSharp;
using OnnxStream.Interop.Pipelines;

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

    /// <summary>Reads a picture: PNG, JPEG, BMP, GIF or TGA. Transparency is left out.</summary>
    /// <param name="file">The bytes of the file.</param>
    /// <exception cref="ArgumentException">They are no picture that can be read, or one of more than 200 million pixels.</exception>
    public static RgbImage Decode(ReadOnlySpan<byte> file)
    {
        const long MostPixels = 200_000_000;
        using MemoryStream stream = new(file.ToArray(), writable: false);
        try
        {
            if (ImageInfo.FromStream(stream) is not { } info || (long)info.Width * info.Height is < 1 or > MostPixels)
            {
                throw new ArgumentException("This is no picture that can be read (PNG, JPEG, BMP, GIF, TGA), or it has more than 200 million pixels.", nameof(file));
            }

            stream.Position = 0;
            ImageResult picture = ImageResult.FromStream(stream, ColorComponents.RedGreenBlue);
            RgbImage image = new(picture.Width, picture.Height);
            picture.Data.AsSpan(0, image._pixels.Length).CopyTo(image._pixels);
            return image;
        }
        catch (Exception exception) when (exception is not (ArgumentException or OutOfMemoryException))
        {
            // The decoder has no exception type of its own.
            throw new ArgumentException($"The picture is damaged: {exception.Message}", nameof(file), exception);
        }
    }

    /// <summary>Stretches the picture, with a triangle filter that covers what becomes one pixel.</summary>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    public RgbImage Resize(int width, int height)
    {
        RgbImage result = new(width, height);
        (int First, float[] Weights)[] columns = TriangleFilter.Create(Width, width), rows = TriangleFilter.Create(Height, height);

        // Along rows first.
        float[] wide = new float[checked(Height * width * 3)];
        for (int y = 0; y < Height; y++)
        {
            for (int i = 0; i < width * 3; i++)
            {
                (int from, float[] weights) = columns[i / 3];
                for (int k = 0; k < weights.Length; k++)
                {
                    wide[(y * width * 3) + i] += weights[k] * _pixels[(((y * Width) + from + k) * 3) + (i % 3)];
                }
            }
        }

        for (int y = 0; y < height; y++)
        {
            (int from, float[] weights) = rows[y];
            for (int i = 0; i < width * 3; i++)
            {
                float sum = 0;
                for (int k = 0; k < weights.Length; k++)
                {
                    sum += weights[k] * wide[((from + k) * width * 3) + i];
                }

                result._pixels[(y * width * 3) + i] = (byte)Math.Clamp(MathF.Round(sum), 0, 255);
            }
        }

        return result;
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
