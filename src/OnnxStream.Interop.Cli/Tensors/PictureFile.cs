using System.Numerics;
using OnnxStream.Interop.Diffusion;
using OnnxStream.Interop.Vision;
using SkiaSharp;

namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>A picture as the input of a model: in the layout, size and type that the input declares.</summary>
/// <remarks>The picture is stretched to the size with a triangle filter that covers what becomes one pixel, as Pillow's bilinear filter does. Transparency is left out.</remarks>
internal static class PictureFile
{
    /// <summary>The formats, for messages.</summary>
    public const string Formats = ".png, .jpg or .webp (pictures)";

    private const long MostPixels = 200_000_000;

    /// <summary>Whether a file's name is that of a picture.</summary>
    public static bool IsOne(string path) => Path.GetExtension(path).ToLowerInvariant() is ".png" or ".jpg" or ".jpeg" or ".webp" or ".bmp" or ".gif";

    /// <summary>Reads a picture.</summary>
    /// <param name="path">The file.</param>
    /// <param name="input">The input: [N,C,H,W], [N,H,W,C], [C,H,W], [H,W,C] or [H,W], with 1, 3 or 4 channels.</param>
    /// <param name="openDimensions">The numbers for open dimensions by name. An open width or height without one is that of the picture, an open batch 1.</param>
    /// <param name="options">How pixels become numbers.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is no picture, or damaged.</exception>
    /// <exception cref="UsageException">The input does not look like one for pictures.</exception>
    public static TensorBuffer Load(string path, ValueMetadata input, IReadOnlyDictionary<string, long> openDimensions, PictureOptions options)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{path}: no such file.", path);
        }

        long?[] declared = [.. (input.Dimensions ?? [new Dimension(-1), new Dimension(3), new Dimension(-1), new Dimension(-1)]).Select(dimension =>
            dimension.IsKnown ? dimension.Value : dimension.Symbol is { } symbol && openDimensions.TryGetValue(symbol, out long value) ? value : (long?)null)];
        int? channelAxis = ChannelAxis(declared);
        if (declared.Length is < 2 or > 4 || (declared.Length > 2 && channelAxis is null))
        {
            throw new UsageException($"--input {input.Name}={path}: {input} is not the shape of pictures, [N,C,H,W], [N,H,W,C], [C,H,W], [H,W,C] or [H,W] with 1, 3 or 4 channels. Prepare the tensor in another program, as {TensorFile.Formats}.");
        }

        Picture picture = Picture.Load(path);
        (int width, int height) = (picture.Width, picture.Height);
        bool isLast = channelAxis == declared.Length - 1;
        int heightAxis = declared.Length - (isLast ? 3 : 2);
        int channels = (int)(channelAxis is { } axis ? declared[axis] ?? 3 : 1);
        (long rows, long columns) = (declared[heightAxis] ?? height, declared[heightAxis + 1] ?? width);
        long batch = declared.Length == 4 ? declared[0] ?? 1 : 1;
        if (rows < 1 || columns < 1 || (Int128)rows * columns > MostPixels || (Int128)rows * columns * channels * batch * input.ElementType.SizeOf() > Array.MaxLength)
        {
            throw new UsageException($"--input {input.Name}={path}: a picture cannot have {columns} by {rows} pixels, {batch} times.");
        }

        foreach (IReadOnlyList<double> numbers in (IReadOnlyList<double>[])[options.Mean, options.Deviation])
        {
            if (numbers.Count != 1 && numbers.Count != channels)
            {
                throw new UsageException($"--input {input.Name}={path}: there are {numbers.Count} numbers for the mean or the deviation, but {channels} channels. Give one number, or one for each channel.");
            }
        }

        float[] planes = Resize(ToPlanes(picture, channels), width, height, (int)columns, (int)rows);
        Convert(planes, channels, input.ElementType, options);
        return Arrange(planes, input.ElementType, declared.Length, (int)batch, channels, (int)rows, (int)columns, isLast);
    }

    /// <summary>The width and height of a picture in pixels.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="ModelFormatException">It is no picture, or damaged.</exception>
    public static (int Width, int Height) SizeOf(string path)
    {
        using SKCodec codec = SKCodec.Create(path) ?? throw new ModelFormatException(path, $"this is no picture that can be read. Possible are {Formats}.");

        // A photo is turned as its camera was held; from here on, that is by a quarter.
        return codec.EncodedOrigin >= SKEncodedOrigin.LeftTop ? (codec.Info.Height, codec.Info.Width) : (codec.Info.Width, codec.Info.Height);
    }

    /// <summary>Reads a picture, stretched to a size.</summary>
    /// <param name="path">The file.</param>
    /// <param name="width">The width in pixels.</param>
    /// <param name="height">The height in pixels.</param>
    /// <exception cref="ModelFormatException">It is no picture, or damaged.</exception>
    public static RgbImage LoadRgb(string path, int width, int height)
    {
        Picture picture = Picture.Load(path);
        float[] planes = Resize(ToPlanes(picture, 3), picture.Width, picture.Height, width, height);
        return RgbImage.FromPlanes(planes, width, height, 0, 255);
    }

    // Channels stand before the sizes in most models; a number in one place and not in the other tells.
    private static int? ChannelAxis(long?[] declared)
    {
        if (declared.Length is not (3 or 4))
        {
            return null;
        }

        (int first, int last) = (declared.Length - 3, declared.Length - 1);
        return declared[first] is 1 or 3 or 4 ? first : declared[last] is 1 or 3 or 4 ? last : declared[first] is null ? first : null;
    }

    private static float[][] ToPlanes(Picture picture, int channels)
    {
        int area = picture.Width * picture.Height;
        float[][] planes = [.. Enumerable.Range(0, channels).Select(_ => new float[area])];
        for (int i = 0; i < area; i++)
        {
            ReadOnlySpan<byte> pixel = picture.Pixels.Slice(4 * i, 4);
            if (channels == 1)
            {
                // ITU-R BT.601, as every program that makes grey pictures.
                planes[0][i] = 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
                continue;
            }

            for (int channel = 0; channel < channels; channel++)
            {
                planes[channel][i] = pixel[channel];
            }
        }

        return planes;
    }

    private static float[] Resize(float[][] planes, int width, int height, int columns, int rows)
    {
        float[] result = new float[planes.Length * rows * columns];
        for (int channel = 0; channel < planes.Length; channel++)
        {
            // First along rows, then along columns: what lies side by side is `stride` apart.
            float[] wide = Scale(planes[channel], height, width, columns, lineStep: width, stride: 1, targetLineStep: columns, targetStride: 1);
            float[] plane = Scale(wide, columns, height, rows, lineStep: 1, stride: columns, targetLineStep: 1, targetStride: columns);
            plane.CopyTo(result.AsSpan(channel * rows * columns));
        }

        return result;
    }

    private static float[] Scale(float[] source, int lines, int length, int target, int lineStep, int stride, int targetLineStep, int targetStride)
    {
        if (length == target)
        {
            return source;
        }

        float[] result = new float[lines * target];
        double ratio = (double)length / target;
        double support = Math.Max(1, ratio);
        for (int i = 0; i < target; i++)
        {
            double center = (i + 0.5) * ratio;
            int from = Math.Max(0, (int)Math.Floor(center - support));
            int to = Math.Min(length, (int)Math.Ceiling(center + support));
            double[] weights = [.. Enumerable.Range(from, to - from).Select(k => Math.Max(0, 1 - Math.Abs(k + 0.5 - center) / support))];
            double sum = weights.Sum();
            for (int line = 0; line < lines; line++)
            {
                double value = 0;
                for (int k = from; k < to; k++)
                {
                    value += weights[k - from] * source[line * lineStep + k * stride];
                }

                result[line * targetLineStep + i * targetStride] = (float)(value / sum);
            }
        }

        return result;
    }

    private static void Convert(float[] planes, int channels, ElementType type, PictureOptions options)
    {
        double scale = options.Scale ?? (type.IsFloat() ? 1.0 / 255 : 1);
        int area = planes.Length / channels;
        for (int i = 0; i < planes.Length; i++)
        {
            double mean = options.Mean[options.Mean.Count == 1 ? 0 : i / area];
            double deviation = options.Deviation[options.Deviation.Count == 1 ? 0 : i / area];
            planes[i] = (float)((planes[i] * scale - mean) / deviation);
        }
    }

    private static TensorBuffer Arrange(float[] planes, ElementType type, int rank, int batch, int channels, int rows, int columns, bool isLast)
    {
        long[] shape = isLast ? [batch, rows, columns, channels] : [batch, channels, rows, columns];
        TensorBuffer tensor = new(type, new Shape(rank == 2 ? [rows, columns] : shape[^rank..]));
        int area = rows * columns;
        Func<int, float> element = isLast ? i => planes[i % channels * area + i / channels] : i => planes[i];
        switch (type)
        {
            case ElementType.Float32:
                Fill<float>(tensor, planes.Length, i => element(i));
                break;
            case ElementType.Float64:
                Fill<double>(tensor, planes.Length, i => element(i));
                break;
            case ElementType.Float16:
                Fill(tensor, planes.Length, i => (Half)element(i));
                break;
            case ElementType.UInt8:
                FillIntegers<byte>(tensor, planes.Length, element);
                break;
            case ElementType.Int8:
                FillIntegers<sbyte>(tensor, planes.Length, element);
                break;
            case ElementType.Int32:
                FillIntegers<int>(tensor, planes.Length, element);
                break;
            case ElementType.Int64:
                FillIntegers<long>(tensor, planes.Length, element);
                break;
            default:
                throw new UsageException($"A picture cannot become elements of type {type.ToOnnxName()}: floating-point numbers and integers of 8, 32 and 64 bits are possible.");
        }

        return tensor;
    }

    private static void FillIntegers<T>(TensorBuffer tensor, int count, Func<int, float> element)
        where T : unmanaged, INumber<T> => Fill(tensor, count, i => T.CreateSaturating(MathF.Round(element(i))));

    // A batch is the same picture several times.
    private static void Fill<T>(TensorBuffer tensor, int count, Func<int, T> element)
        where T : unmanaged
    {
        Span<T> elements = tensor.Span<T>();
        for (int i = 0; i < elements.Length; i++)
        {
            elements[i] = i < count ? element(i) : elements[i - count];
        }
    }
}
