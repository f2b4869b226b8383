using System.Runtime.InteropServices;
using SkiaSharp;

namespace OnnxStream.Interop.Vision;

/// <summary>A picture of 8 bits for each of red, green, blue and opacity.</summary>
public sealed class Picture
{
    /// <summary>The most pixels of a picture that is read.</summary>
    public const long MostPixels = 100_000_000;

    private readonly byte[] _pixels;

    /// <summary>Makes a picture that is black and transparent.</summary>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    public Picture(int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * height, MostPixels, nameof(height));
        Width = width;
        Height = height;
        _pixels = new byte[4L * width * height];
    }

    /// <summary>The width in pixels.</summary>
    public int Width { get; }

    /// <summary>The height in pixels.</summary>
    public int Height { get; }

    /// <summary>Red, green, blue and opacity of each pixel, row by row from the top left. Colours are not multiplied by opacity.</summary>
    public Span<byte> Pixels => _pixels;

    /// <summary>Reads a picture: PNG, JPEG, WebP, BMP or GIF (its first frame). A photo is turned as its camera was held.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is no picture, damaged, or larger than <see cref="MostPixels"/>.</exception>
    public static Picture Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{path}: no such file.", path);
        }

        using FileStream stream = File.OpenRead(path);
        return Load(stream, path);
    }

    /// <summary>Reads a picture from a stream.</summary>
    /// <param name="stream">The bytes of the file.</param>
    /// <param name="name">What the picture is called in errors.</param>
    /// <exception cref="ModelFormatException">It is no picture, damaged, or larger than <see cref="MostPixels"/>.</exception>
    public static Picture Load(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using SKCodec codec = SKCodec.Create(stream) ?? throw new ModelFormatException(name, "this is no picture that can be read: expected PNG, JPEG, WebP, BMP or GIF.");
        (int width, int height) = (codec.Info.Width, codec.Info.Height);
        if ((long)width * height > MostPixels)
        {
            throw new ModelFormatException(name, $"the picture has {width:N0} by {height:N0} pixels; at most {MostPixels:N0} in all are read. Make it smaller.");
        }

        Picture picture = new(width, height);
        GCHandle pin = GCHandle.Alloc(picture._pixels, GCHandleType.Pinned);
        try
        {
            SKCodecResult result = codec.GetPixels(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul), pin.AddrOfPinnedObject());
            return result == SKCodecResult.Success ? picture.TurnFrom(codec.EncodedOrigin) : throw new ModelFormatException(name, "the picture is damaged, or ends too early.");
        }
        finally
        {
            pin.Free();
        }
    }

    /// <summary>Writes the picture as PNG, or as JPEG or WebP where the name ends so. The file appears only when it is complete.</summary>
    /// <param name="path">The file to write.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        SKEncodedImageFormat format = Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".jpg" or ".jpeg" => SKEncodedImageFormat.Jpeg,
            ".webp" => SKEncodedImageFormat.Webp,
            _ => SKEncodedImageFormat.Png,
        };
        const int Quality = 92;
        using SKImage image = ToImage();
        using SKData data = image.Encode(format, Quality);
        using UnfinishedPath temporary = new($"{path}.{Guid.NewGuid():N}.tmp");
        using (FileStream file = File.Create(temporary.Path))
        {
            data.SaveTo(file);
        }

        File.Move(temporary.Path, path, overwrite: true);
    }

    /// <summary>A copy that is drawn upon.</summary>
    internal Picture Draw(Action<SKCanvas> draw)
    {
        using SKImage image = ToImage();
        using SKSurface surface = SKSurface.Create(new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Premul));
        surface.Canvas.DrawImage(image, 0, 0);
        draw(surface.Canvas);
        return From(surface);
    }

    /// <summary>A picture of what a surface shows.</summary>
    internal static Picture From(SKSurface surface)
    {
        using SKImage image = surface.Snapshot();
        Picture picture = new(image.Width, image.Height);
        GCHandle pin = GCHandle.Alloc(picture._pixels, GCHandleType.Pinned);
        try
        {
            SKImageInfo info = new(image.Width, image.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
            return image.ReadPixels(info, pin.AddrOfPinnedObject(), info.RowBytes, 0, 0) ? picture : throw new InvalidOperationException("The surface cannot be read.");
        }
        finally
        {
            pin.Free();
        }
    }

    private SKImage ToImage() => SKImage.FromPixelCopy(new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Unpremul), _pixels, 4 * Width);

    // Cameras write the pixels as their sensor lies, and say in Exif how the picture is to be turned.
    private Picture TurnFrom(SKEncodedOrigin origin)
    {
        if (origin is SKEncodedOrigin.TopLeft)
        {
            return this;
        }

        bool swaps = origin is SKEncodedOrigin.LeftTop or SKEncodedOrigin.RightTop or SKEncodedOrigin.RightBottom or SKEncodedOrigin.LeftBottom;
        Picture turned = swaps ? new Picture(Height, Width) : new Picture(Width, Height);
        ReadOnlySpan<int> from = MemoryMarshal.Cast<byte, int>(_pixels.AsSpan());
        Span<int> to = MemoryMarshal.Cast<byte, int>(turned._pixels.AsSpan());
        for (int y = 0; y < turned.Height; y++)
        {
            for (int x = 0; x < turned.Width; x++)
            {
                (int column, int row) = origin switch
                {
                    SKEncodedOrigin.TopRight => (Width - 1 - x, y),
                    SKEncodedOrigin.BottomRight => (Width - 1 - x, Height - 1 - y),
                    SKEncodedOrigin.BottomLeft => (x, Height - 1 - y),
                    SKEncodedOrigin.LeftTop => (y, x),
                    SKEncodedOrigin.RightTop => (y, Height - 1 - x),
                    SKEncodedOrigin.RightBottom => (Width - 1 - y, Height - 1 - x),
                    _ => (Width - 1 - y, x),
                };
                to[(y * turned.Width) + x] = from[(row * Width) + column];
            }
        }

        return turned;
    }
}
