using System.Numerics.Tensors;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>Says what a picture shows, with networks such as ResNet, MobileNet, EfficientNet and ViT; or gives the numbers that a network without classes sees in it.</summary>
/// <remarks>Any number of threads may call; they wait for one another.</remarks>
public sealed class ImageClassifier : IDisposable
{
    private readonly ModelStage _stage;
    private readonly ImageClassifierOptions _options;
    private readonly Lock _running = new();
    private readonly ValueMetadata _input;
    private readonly string _output;

    /// <summary>Opens a model.</summary>
    /// <param name="path">The <c>.onnx</c> file. It takes <c>float[N,3,height,width]</c> and gives <c>[N,classes]</c>, scores or probabilities.</param>
    /// <param name="options">How pictures become numbers; null for torchvision's way.</param>
    /// <param name="sessionOptions">How the session computes; null for the defaults.</param>
    /// <exception cref="FileNotFoundException">There is no such model.</exception>
    /// <exception cref="OnnxStreamException">The model cannot be used, or takes no pictures.</exception>
    public ImageClassifier(string path, ImageClassifierOptions? options = null, SessionOptions? sessionOptions = null)
    {
        _options = options ?? new ImageClassifierOptions();
        if (_options.Mean.Count != 3 || _options.Deviation.Count != 3 || _options.Deviation.Contains(0))
        {
            throw new ArgumentException("Mean and deviation need three numbers each, of which no deviation is 0.", nameof(options));
        }

        _stage = new ModelStage(path, new PipelineFiles(null));
        int rank = _stage.Outputs is [{ Dimensions: { } dimensions }, ..] ? dimensions.Count : 2;
        (_, _output) = VisionModel.Require(_stage, "classes of pictures", rank is 4 ? 4 : 2);
        _input = _stage.Inputs[0];
        _stage.Prepare(sessionOptions);
    }

    /// <summary>The most native memory, in bytes, that was in use at once.</summary>
    public long PeakNativeBytes => _stage.Totals.PeakNativeBytes;

    /// <summary>The classes of a picture.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="count">The most classes that are returned.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>The surest first.</returns>
    /// <exception cref="ArgumentException">There are fewer labels than classes.</exception>
    public IReadOnlyList<ImageClass> Classify(Picture picture, int count = 5, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        float[] scores = Compute(picture, cancellationToken);
        if (_options.Labels is { } labels && labels.Count != scores.Length)
        {
            throw new ArgumentException($"There are {labels.Count:N0} labels, and the model knows {scores.Length:N0} classes: they do not belong together.");
        }

        // Some models end with a softmax.
        bool areProbabilities = scores.All(score => score is >= 0 and <= 1) && Math.Abs(TensorPrimitives.Sum<float>(scores) - 1) < 1e-3f;
        if (!areProbabilities)
        {
            TensorPrimitives.SoftMax<float>(scores, scores);
        }

        return [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).Take(count).Select(i => new ImageClass(i, _options.Labels?[i] ?? $"{i}", scores[i]))];
    }

    /// <summary>What the model gives for a picture, as it is: scores, or the features of a network without classes, which are alike for pictures that are alike.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    public float[] Compute(Picture picture, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(picture);
        TensorBuffer input = Prepare(picture);
        lock (_running)
        {
            TensorBuffer output = TensorConversion.ToSingle(_stage.Run(new Dictionary<string, TensorBuffer> { [_input.Name] = input }, cancellationToken)[_output], _stage.Path);
            return output.Span<float>().ToArray();
        }
    }

    /// <summary>Closes the model.</summary>
    public void Dispose() => _stage.Dispose();

    /// <summary>The input of the model for a picture.</summary>
    internal TensorBuffer Prepare(Picture picture)
    {
        int width = Side(3), height = Side(2);

        // As torchvision: the shorter side to a size, with a filter that skips nothing, then the middle.
        double scale = Math.Max(width * _options.Margin / picture.Width, height * _options.Margin / picture.Height);
        int largeWidth = Math.Max(width, (int)(picture.Width * scale)), largeHeight = Math.Max(height, (int)(picture.Height * scale));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)largeWidth * largeHeight, Picture.MostPixels, nameof(picture));
        float[] large = PictureSampling.Antialiased(picture, largeWidth, largeHeight);
        int left = (int)Math.Round((largeWidth - width) / 2.0), top = (int)Math.Round((largeHeight - height) / 2.0);
        float[] planes = new float[3 * width * height];
        for (int row = 0; row < 3 * height; row++)
        {
            (int channel, int y) = Math.DivRem(row, height);
            large.AsSpan((((channel * largeHeight) + top + y) * largeWidth) + left, width).CopyTo(planes.AsSpan(row * width));
        }

        TensorBuffer input = new(ElementType.Float32, new Shape(1, 3, height, width));
        VisionModel.Normalize(planes, width * height, _options.IsBlueFirst ? [2, 1, 0] : [0, 1, 2], [.. _options.Mean], [.. _options.Deviation], input.Span<float>());
        return input;
    }

    private int Side(int axis) => _input.Dimensions is { } dimensions && dimensions[axis].IsKnown ? (int)dimensions[axis].Value : _options.Side;
}
