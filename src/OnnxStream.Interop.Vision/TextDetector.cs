using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>PP-OCR's first stage: finds lines of text.</summary>
internal sealed class TextDetector : IDisposable
{
    // The network halves pictures five times.
    private const int Multiple = 32;

    private static readonly float[] s_mean = [0.485f, 0.456f, 0.406f], s_deviation = [0.229f, 0.224f, 0.225f];

    private readonly ModelStage _stage;
    private readonly string _input;
    private readonly string _output;

    public TextDetector(string path, SessionOptions? options)
    {
        _stage = new ModelStage(path, new PipelineFiles(null));
        (_input, _output) = VisionModel.Require(_stage, "a detector of text", 4, 1);
        _stage.Prepare(options);
    }

    public StageTotals Totals => _stage.Totals;

    /// <summary>The size in which a picture is looked at.</summary>
    public static (int Width, int Height) SizeFor(int width, int height, OcrOptions options)
    {
        double ratio = Math.Max(1, (double)options.ShortestSide / Math.Min(width, height));
        ratio = Math.Min(ratio, (double)options.LongestSide / Math.Max(width, height));
        return (Side(width), Side(height));

        int Side(int length) => Math.Max(Multiple, (int)Math.Round(length * ratio / Multiple) * Multiple);
    }

    /// <summary>The map of probabilities of a picture in the size in which it is looked at.</summary>
    public (TensorBuffer Map, int Width, int Height) Map(Picture picture, OcrOptions options, CancellationToken cancellationToken)
    {
        (int width, int height) = SizeFor(picture.Width, picture.Height, options);
        TensorBuffer input = VisionModel.ToBlueGreenRed(PictureSampling.Bilinear(picture, width, height), width, height, s_mean, s_deviation);
        TensorBuffer map = _stage.Run(new Dictionary<string, TensorBuffer> { [_input] = input }, cancellationToken)[_output];
        return map.ElementType == ElementType.Float32 && map.Shape == new Shape(1, 1, height, width)
            ? (map, width, height)
            : throw new ModelFormatException(_stage.Path, $"this is no detector of text: its output is {map.Type}; expected float[1,1,{height},{width}].");
    }

    /// <summary>The lines in a picture.</summary>
    public List<TextBox> Find(Picture picture, OcrOptions options, CancellationToken cancellationToken)
    {
        (TensorBuffer map, int width, int height) = Map(picture, options, cancellationToken);
        return TextBoxes.Find(map.Span<float>(), width, height, picture.Width, picture.Height, options);
    }

    public void Dispose() => _stage.Dispose();
}
