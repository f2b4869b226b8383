using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>Finds objects in pictures with models of YOLOv8's layout.</summary>
/// <remarks>
/// The input is <c>float[1,3,height,width]</c>, red, green and blue from 0 to 1; the output is <c>float[1,4+classes,places]</c>: the centre, width and height of a box in pixels of the
/// input, and how sure it is of each class. That is what Ultralytics exports for versions 8, 9, 11 and 12. Any number of threads may call; they wait for one another.
/// </remarks>
public sealed class ObjectDetector : IDisposable
{
    private const int BoxNumbers = 4;

    private readonly ModelStage _stage;
    private readonly ObjectDetectorOptions _options;
    private readonly Lock _running = new();
    private readonly ValueMetadata _input;
    private readonly string _output;

    /// <summary>Opens a model.</summary>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="options">What counts as an object; null for the defaults.</param>
    /// <param name="sessionOptions">How the session computes; null for the defaults.</param>
    /// <exception cref="FileNotFoundException">There is no such model.</exception>
    /// <exception cref="OnnxStreamException">The model cannot be used, or is of another layout.</exception>
    public ObjectDetector(string path, ObjectDetectorOptions? options = null, SessionOptions? sessionOptions = null)
    {
        _options = options ?? new ObjectDetectorOptions();
        _stage = new ModelStage(path, new PipelineFiles(null));
        (_, _output) = VisionModel.Require(_stage, "finding objects (YOLOv8's layout)", 3);
        _input = _stage.Inputs[0];
        if (_stage.Outputs[0].Dimensions is [_, { IsKnown: true } numbers, _] && numbers.Value <= BoxNumbers)
        {
            throw new ModelFormatException(path, $"this is no model for finding objects (YOLOv8's layout): its output is {_stage.Outputs[0]}; expected [1,4+classes,places].");
        }

        _stage.Prepare(sessionOptions);
    }

    /// <summary>The most native memory, in bytes, that was in use at once.</summary>
    public long PeakNativeBytes => _stage.Totals.PeakNativeBytes;

    /// <summary>Finds objects.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>The objects, the surest first.</returns>
    public IReadOnlyList<DetectedObject> Detect(Picture picture, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(picture);
        int width = Side(3), height = Side(2);
        (Letterbox box, float[] planes) = Letterbox.Fit(picture, width, height);
        TensorBuffer input = new(ElementType.Float32, new Shape(1, 3, height, width));
        VisionModel.Normalize(planes, width * height, [0, 1, 2], [0, 0, 0], [1, 1, 1], input.Span<float>());
        TensorBuffer output;
        lock (_running)
        {
            output = TensorConversion.ToSingle(_stage.Run(new Dictionary<string, TensorBuffer> { [_input.Name] = input }, cancellationToken)[_output], _stage.Path);
        }

        return output.Shape is { Rank: 3 } shape && shape[0] == 1 && shape[1] > BoxNumbers
            ? Find(output.Span<float>(), (int)shape[1] - BoxNumbers, (int)shape[2], box, picture.Width, picture.Height, _options)
            : throw new ModelFormatException(_stage.Path, $"the output is {output.Type}; expected [1,4+classes,places].");
    }

    /// <summary>Closes the model.</summary>
    public void Dispose() => _stage.Dispose();

    /// <summary>The objects that the output of a model names, without those that others cover.</summary>
    internal static IReadOnlyList<DetectedObject> Find(ReadOnlySpan<float> output, int classes, int places, Letterbox box, int width, int height, ObjectDetectorOptions options)
    {
        List<DetectedObject> candidates = [];
        for (int i = 0; i < places; i++)
        {
            int best = 0;
            for (int c = 1; c < classes; c++)
            {
                best = output[((BoxNumbers + c) * places) + i] > output[((BoxNumbers + best) * places) + i] ? c : best;
            }

            float score = output[((BoxNumbers + best) * places) + i];
            if (!(score > options.Threshold))
            {
                continue;
            }

            (float x, float y, float w, float h) = (output[i], output[places + i], output[(2 * places) + i], output[(3 * places) + i]);
            DetectedObject found = new(
                best,
                options.Labels is { } labels && best < labels.Count ? labels[best] : $"{best}",
                score,
                Math.Clamp((x - (w / 2) - box.Left) / box.Scale, 0, width),
                Math.Clamp((y - (h / 2) - box.Top) / box.Scale, 0, height),
                Math.Clamp((x + (w / 2) - box.Left) / box.Scale, 0, width),
                Math.Clamp((y + (h / 2) - box.Top) / box.Scale, 0, height));
            if (found.Right > found.Left && found.Bottom > found.Top)
            {
                candidates.Add(found);
            }
        }

        // Greedy: the surest is kept, and all of its class that overlap it too much are dropped.
        List<DetectedObject> kept = [];
        foreach (DetectedObject candidate in candidates.OrderByDescending(candidate => candidate.Score))
        {
            if (kept.Count == options.MostObjects)
            {
                break;
            }

            if (!kept.Any(other => other.ClassIndex == candidate.ClassIndex && other.Overlap(candidate) > options.MostOverlap))
            {
                kept.Add(candidate);
            }
        }

        return kept;
    }

    private int Side(int axis) => _input.Dimensions is { } dimensions && dimensions[axis].IsKnown ? (int)dimensions[axis].Value : _options.Side;
}
