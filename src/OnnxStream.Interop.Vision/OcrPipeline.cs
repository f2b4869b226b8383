using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>Reads the text in pictures with PP-OCR's models: finds lines, turns those that are upside down, reads them.</summary>
/// <remarks>
/// The steps and their numbers are those of PaddleOCR (<c>tools/infer/predict_system.py</c>; Li et al., "PP-OCRv3", 2022) for PP-OCRv2 to v5. Lines may lie at any angle;
/// one that stands upright is taken to be read from below. Any number of threads may call; they wait for one another.
/// </remarks>
public sealed class OcrPipeline : IDisposable
{
    // A box so much higher than wide is a line that stands.
    private const float Standing = 1.5f;

    private readonly OcrFolder _folder;
    private readonly string[] _characters;
    private readonly OcrOptions _options;
    private readonly SessionOptions? _sessionOptions;
    private readonly Lock _reading = new();
    private TextDetector? _detector;
    private TextDirectionClassifier? _classifier;
    private TextRecognizer? _recognizer;

    /// <summary>Finds the models, and reads the list of characters. Models are opened with the first picture.</summary>
    /// <param name="folder">A folder with <c>…_det_….onnx</c>, <c>…_rec_….onnx</c>, a list of characters (<c>…keys….txt</c> or <c>…dict….txt</c>), and perhaps <c>…_cls_….onnx</c>, without which lines that are upside down stay so.</param>
    /// <param name="options">How text is found and read; null for the defaults.</param>
    /// <param name="sessionOptions">How sessions compute, each of them; null for the defaults.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="FileNotFoundException">A file lacks.</exception>
    public OcrPipeline(string folder, OcrOptions? options = null, SessionOptions? sessionOptions = null)
    {
        _options = options ?? new OcrOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.LongestSide, 32, nameof(options));
        _sessionOptions = sessionOptions;
        _folder = new OcrFolder(folder);
        _characters = _folder.ReadCharacters();
    }

    /// <summary>The most native memory, in bytes, that one of the sessions had in use at once.</summary>
    public long PeakNativeBytes { get; private set; }

    /// <summary>Reads the text in a picture.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <returns>The lines from top to bottom, and from left to right.</returns>
    /// <exception cref="OnnxStreamException">A model cannot be used, or is one of another task.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<OcrLine> Read(Picture picture, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(picture);
        lock (_reading)
        {
            _detector ??= new TextDetector(_folder.DetectorPath, _sessionOptions);
            List<TextBox> boxes = _detector.Find(picture, _options, cancellationToken);
            End(_detector.Totals, ref _detector);
            if (boxes.Count == 0)
            {
                return [];
            }

            Picture[] lines = [.. boxes.Select(box => Cut(picture, box))];

            // The classifier sees long lines squeezed, and may be wrong: what it takes to be upside down is read both ways.
            int[] doubtful = FindUpsideDown(lines, cancellationToken);
            _recognizer ??= new TextRecognizer(_folder.RecognizerPath, _characters, _folder.CharactersPath, _sessionOptions);
            (string Text, float Score)[] texts = _recognizer.Read([.. lines, .. doubtful.Select(i => PictureSampling.TurnAround(lines[i]))], cancellationToken);
            End(_recognizer.Totals, ref _recognizer);
            bool[] turned = new bool[lines.Length];
            for (int i = 0; i < doubtful.Length; i++)
            {
                (string Text, float Score) other = texts[lines.Length + i];
                turned[doubtful[i]] = other.Score > texts[doubtful[i]].Score;
                texts[doubtful[i]] = turned[doubtful[i]] ? other : texts[doubtful[i]];
            }

            return [.. boxes.Select((box, i) => new OcrLine(texts[i].Text, texts[i].Score, box.Corners, turned[i])).Where(line => line.Text.Length > 0 && line.Score >= _options.TextThreshold)];
        }
    }

    /// <summary>Closes the models.</summary>
    public void Dispose()
    {
        _detector?.Dispose();
        _classifier?.Dispose();
        _recognizer?.Dispose();
    }

    private int[] FindUpsideDown(Picture[] lines, CancellationToken cancellationToken)
    {
        if (_folder.ClassifierPath is null)
        {
            return [];
        }

        _classifier ??= new TextDirectionClassifier(_folder.ClassifierPath, _sessionOptions);
        float[] scores = _classifier.Classify(lines, cancellationToken);
        End(_classifier.Totals, ref _classifier);
        return [.. Enumerable.Range(0, lines.Length).Where(i => scores[i] > _options.TurnThreshold)];
    }

    private static Picture Cut(Picture picture, TextBox box)
    {
        PicturePoint[] corners = box.Corners;
        int width = Math.Max(1, (int)MathF.Max(corners[0].DistanceTo(corners[1]), corners[2].DistanceTo(corners[3])));
        int height = Math.Max(1, (int)MathF.Max(corners[0].DistanceTo(corners[3]), corners[1].DistanceTo(corners[2])));
        Picture line = PictureSampling.Straighten(picture, corners, width, height);
        return height >= Standing * width ? PictureSampling.TurnLeft(line) : line;
    }

    private void End<T>(StageTotals totals, ref T? stage)
        where T : class, IDisposable
    {
        PeakNativeBytes = Math.Max(PeakNativeBytes, totals.PeakNativeBytes);
        if (!_options.KeepsSessionsOpen)
        {
            stage?.Dispose();
            stage = null;
        }
    }
}
