using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>Makes the background of pictures transparent, with networks such as IS-Net and U²-Net.</summary>
/// <remarks>
/// The input is <c>float[1,3,height,width]</c>, <c>(pixel - 128) / 256</c> (Qin et al., "Highly Accurate Dichotomous Image Segmentation", 2022), of 1024 by 1024 pixels where the model leaves
/// that open; the output is how much each pixel belongs to the object, 0 to 1. Any number of threads may call; they wait for one another.
/// </remarks>
public sealed class BackgroundRemover : IDisposable
{
    private const int UsualSide = 1024;

    private readonly ModelStage _stage;
    private readonly Lock _running = new();
    private readonly ValueMetadata _input;
    private readonly string _output;

    /// <summary>Opens a model.</summary>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="sessionOptions">How the session computes; null for the defaults.</param>
    /// <exception cref="FileNotFoundException">There is no such model.</exception>
    /// <exception cref="OnnxStreamException">The model cannot be used, or takes no pictures.</exception>
    public BackgroundRemover(string path, SessionOptions? sessionOptions = null)
    {
        _stage = new ModelStage(path, new PipelineFiles(null));
        (_, _output) = VisionModel.Require(_stage, "removing backgrounds", 4);
        _input = _stage.Inputs[0];
        _stage.Prepare((sessionOptions ?? new SessionOptions()) with { Outputs = [_output] });
    }

    /// <summary>The most native memory, in bytes, that was in use at once.</summary>
    public long PeakNativeBytes => _stage.Totals.PeakNativeBytes;

    /// <summary>A copy of a picture in which only the object can be seen.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    public Picture Remove(Picture picture, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(picture);
        int width = Side(3), height = Side(2);
        TensorBuffer output;
        lock (_running)
        {
            output = TensorConversion.ToSingle(_stage.Run(new Dictionary<string, TensorBuffer> { [_input.Name] = Prepare(picture, width, height) }, cancellationToken)[_output], _stage.Path);
        }

        if (output.Shape != new Shape(1, 1, height, width))
        {
            throw new ModelFormatException(_stage.Path, $"this is no model for removing backgrounds: its output is {output.Type}; expected [1,1,{height},{width}].");
        }

        float[] mask = output.Span<float>().ToArray();
        Picture result = new(picture.Width, picture.Height);
        picture.Pixels.CopyTo(result.Pixels);
        for (int y = 0; y < picture.Height; y++)
        {
            for (int x = 0; x < picture.Width; x++)
            {
                ref byte opacity = ref result.Pixels[(4 * ((y * picture.Width) + x)) + 3];
                opacity = (byte)MathF.Round(opacity * Math.Clamp(Sample(mask, width, height, (float)x / picture.Width, (float)y / picture.Height, 0.5f / picture.Width, 0.5f / picture.Height), 0, 1));
            }
        }

        return result;
    }

    /// <summary>Closes the model.</summary>
    public void Dispose() => _stage.Dispose();

    /// <summary>The input of the model for a picture.</summary>
    internal static TensorBuffer Prepare(Picture picture, int width, int height)
    {
        const float Middle = 128, Range = 256;
        float[] planes = PictureSampling.Antialiased(picture, width, height);
        TensorBuffer input = new(ElementType.Float32, new Shape(1, 3, height, width));
        Span<float> numbers = input.Span<float>();
        for (int i = 0; i < planes.Length; i++)
        {
            numbers[i] = (planes[i] - Middle) / Range;
        }

        return input;
    }

    // Between the four nearest numbers of the mask; places are parts of its width and height.
    private static float Sample(float[] mask, int width, int height, float left, float top, float halfWidth, float halfHeight)
    {
        float x = Math.Clamp(((left + halfWidth) * width) - 0.5f, 0, width - 1), y = Math.Clamp(((top + halfHeight) * height) - 0.5f, 0, height - 1);
        int x0 = (int)x, y0 = (int)y, x1 = Math.Min(x0 + 1, width - 1), y1 = Math.Min(y0 + 1, height - 1);
        float above = mask[(y0 * width) + x0] + ((x - x0) * (mask[(y0 * width) + x1] - mask[(y0 * width) + x0]));
        float below = mask[(y1 * width) + x0] + ((x - x0) * (mask[(y1 * width) + x1] - mask[(y1 * width) + x0]));
        return above + ((y - y0) * (below - above));
    }

    private int Side(int axis) => _input.Dimensions is { } dimensions && dimensions[axis].IsKnown ? (int)dimensions[axis].Value : UsualSide;
}
