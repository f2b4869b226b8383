using SkiaSharp;
using static OnnxStream.Interop.Vision.Tests.DrawnText;

namespace OnnxStream.Interop.Vision.Tests;

public class OcrPipelineTests
{
    private static readonly string[] s_lines =
    [
        "The quick brown fox jumps over the lazy dog", "Invoice No. 2024-0815, due 31/12/2025", "Total: $1,234.56 (incl. 19% VAT)", "OnnxStream runs inside a memory budget",
        "http://www.example.org/index.html?q=42", "Lorem ipsum dolor sit amet, consectetur",
    ];

    private OcrPipeline _ocr = null!;

    [OneTimeSetUp]
    public void Open() => _ocr = new OcrPipeline(OcrModels.Folder);

    [OneTimeTearDown]
    public void Close() => _ocr?.Dispose();

    [TestCase("DejaVuSans", 28f, 0.01)]
    [TestCase("DejaVuSerif", 28f, 0.01)]
    [TestCase("DejaVuSansMono", 24f, 0.02)]
    [TestCase("DejaVuSans-Bold", 40f, 0.01)]
    [TestCase("DejaVuSans", 16f, 0.02)]
    [TestCase("DejaVuSerif", 13f, 0.04)]
    [TestCase("DejaVuSans", 11f, 0.06)]
    public void DrawnLinesAreRead(string font, float size, double mostErrors)
    {
        using SKTypeface typeface = OcrModels.DejaVu(font);
        Picture picture = Draw((int)(size * 36), (int)(size * 14), typeface, s_lines.Select((line, i) => new Line(line, size, (2 + (2 * i)) * size, size)));
        IReadOnlyList<OcrLine> lines = _ocr.Read(picture);
        string expected = string.Join('\n', s_lines), actual = string.Join('\n', lines.Select(line => line.Text));
        double errors = (double)Edits(WithoutSpaces(expected), WithoutSpaces(actual)) / WithoutSpaces(expected).Length;
        TestContext.Out.WriteLine($"{font} {size}: {errors:0.0000} of characters, {(double)Edits(expected, actual) / expected.Length:0.0000} with spaces; scores {lines.Min(line => line.Score):0.000} or more{Environment.NewLine}{actual}");
        Assert.That(errors, Is.LessThanOrEqualTo(mostErrors), actual);
        Assert.That(lines, Has.Count.EqualTo(s_lines.Length));
    }

    [Test]
    public void LinesAtAnyAngleAreRead([Values(-60, -30, -10, 5, 20, 45, 85, 120, 180, 215)] int degrees)
    {
        using SKTypeface typeface = OcrModels.DejaVu("DejaVuSans");
        const string Text = "Turned 12345 text";
        using SKFont font = new(typeface, 36);
        float width = font.MeasureText(Text);
        (float sine, float cosine) = MathF.SinCos(degrees * MathF.PI / 180);
        Picture picture = Draw(640, 640, typeface, [new Line(Text, 320 - (width / 2 * cosine), 320 - (width / 2 * sine), 36, degrees)]);
        IReadOnlyList<OcrLine> lines = _ocr.Read(picture);
        Assert.That(lines.Select(line => WithoutSpaces(line.Text)), Is.EqualTo((string[])["Turned12345text"]));
        Assert.That(lines[0].IsUpsideDown, Is.EqualTo(degrees is 120 or 180 or 215));
        PicturePoint[] corners = [.. lines[0].Corners];
        Assert.That((corners.Average(corner => corner.X), corners.Average(corner => corner.Y)), Is.EqualTo((320f, 310f)).Using<(float X, float Y)>((a, b) => Math.Abs(a.X - b.X) < 20 && Math.Abs(a.Y - b.Y) < 30));
    }

    [TestCase("你好，世界")]
    [TestCase("中华人民共和国")]
    [TestCase("机器学习与神经网络")]
    [TestCase("北京 2024年12月31日")]
    public void ChineseIsRead(string text)
    {
        using SKTypeface typeface = OcrModels.Chinese;
        IReadOnlyList<OcrLine> lines = _ocr.Read(Draw(640, 120, typeface, [new Line(text, 30, 75, 44)]));
        Assert.That(lines.Select(line => WithoutSpaces(line.Text)), Is.EqualTo((string[])[WithoutSpaces(text)]));
    }

    [Test]
    public void ColoursAndShadesDoNotMatter()
    {
        using SKTypeface typeface = OcrModels.DejaVu("DejaVuSans-Bold");
        IReadOnlyList<OcrLine> lines = _ocr.Read(Draw(500, 120, typeface, [new Line("White on blue", 30, 70, 44)], SKColors.White, SKColors.DarkBlue));

        // Words of large letters may be lines of their own.
        Assert.That(string.Join(' ', lines.Select(line => line.Text)), Is.EqualTo("White on blue"));
    }

    [Test]
    public void MapsAndTextsAreThoseOfOnnxRuntime()
    {
        using SKTypeface typeface = OcrModels.DejaVu("DejaVuSerif");
        Picture picture = Draw(500, 300, typeface, s_lines.Take(3).Select((line, i) => new Line(line, 10, 60 + (80 * i), 20, (i - 1) * 4)));
        OcrFolder folder = new(OcrModels.Folder);
        using TextDetector detector = new(folder.DetectorPath, null);
        OcrOptions options = new();
        (TensorBuffer map, int width, int height) = detector.Map(picture, options, default);
        float[] mean = [0.485f, 0.456f, 0.406f], deviation = [0.229f, 0.224f, 0.225f];
        TensorBuffer input = VisionModel.ToBlueGreenRed(PictureSampling.Bilinear(picture, width, height), width, height, mean, deviation);
        TensorBuffer expected = Oracle.Run(folder.DetectorPath, new Dictionary<string, TensorBuffer> { ["x"] = input }).Values.Single();
        Assert.That(map.Span<float>().ToArray(), Is.EqualTo(expected.Span<float>().ToArray()).Within(2e-3f));
        Assert.That(expected.Span<float>().ToArray().Count(value => value > 0.3f), Is.GreaterThan(1000));

        // The recognizer, on one of the lines.
        List<TextBox> boxes = detector.Find(picture, options, default);
        Picture line = PictureSampling.Straighten(picture, boxes[0].Corners, 400, 30);
        TensorBuffer strip = TextLineInput.Create([line], 48, 640);
        TensorBuffer scores = Oracle.Run(folder.RecognizerPath, new Dictionary<string, TensorBuffer> { ["x"] = strip }).Values.Single();
        using InferenceSession recognizer = new(folder.RecognizerPath);
        Assert.That(recognizer.Run(new Dictionary<string, TensorBuffer> { ["x"] = strip })[recognizer.Outputs[0].Name].Span<float>().ToArray(), Is.EqualTo(scores.Span<float>().ToArray()).Within(2e-3f));
    }

    [Test]
    public void LittleMemoryIsEnough()
    {
        using SKTypeface typeface = OcrModels.DejaVu("DejaVuSans");
        Picture picture = Draw(640, 480, typeface, [new Line("Inside a budget", 30, 100, 40)]);
        const long Budget = 40 << 20;
        using OcrPipeline ocr = new(OcrModels.Folder, new OcrOptions { KeepsSessionsOpen = false }, new SessionOptions { MemoryBudget = Budget });
        Assert.That(ocr.Read(picture).Select(line => line.Text), Is.EqualTo((string[])["Inside a budget"]));
        Assert.That(ocr.PeakNativeBytes, Is.GreaterThan(1 << 20).And.LessThanOrEqualTo(Budget));
        using OcrPipeline poor = new(OcrModels.Folder, null, new SessionOptions { MemoryBudget = 1 << 20 });
        Assert.That(() => poor.Read(picture), Throws.TypeOf<MemoryBudgetException>());
    }

    [TestCase(1, 1)]
    [TestCase(3, 700)]
    [TestCase(2000, 2)]
    public void ThereIsNoTextInATinyPicture(int width, int height) => Assert.That(_ocr.Read(new Picture(width, height)), Is.Empty);

    [Test]
    public void ItStopsWhenItIsCancelled()
    {
        using CancellationTokenSource cancellation = new();
        cancellation.Cancel();
        Assert.That(() => _ocr.Read(new Picture(300, 300), cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(_ocr.Read(new Picture(300, 300)), Is.Empty);
    }

    [Test]
    public void WhatLacksIsNamed()
    {
        using TemporaryFolder folder = new();
        Assert.That(() => new OcrPipeline(folder["none"]), Throws.TypeOf<DirectoryNotFoundException>());
        Assert.That(() => new OcrPipeline(folder.Path), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("'det'"));
        File.Copy(new OcrFolder(OcrModels.Folder).DetectorPath, folder["a_det_b.onnx"]);
        Assert.That(() => new OcrPipeline(folder.Path), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("'rec'"));
        File.Copy(new OcrFolder(OcrModels.Folder).RecognizerPath, folder["a_rec_b.onnx"]);
        Assert.That(() => new OcrPipeline(folder.Path), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("list of characters"));
    }

    [Test]
    public void ModelsOfOtherTasksAreRefused()
    {
        using SKTypeface typeface = OcrModels.DejaVu("DejaVuSans");
        Picture picture = Draw(300, 100, typeface, [new Line("Hello", 30, 60, 40)]);
        OcrFolder models = new(OcrModels.Folder);
        using TemporaryFolder folder = new();
        File.Copy(models.ClassifierPath!, folder["x_det.onnx"]);
        File.Copy(models.RecognizerPath, folder["x_rec.onnx"]);
        _ = folder.Write("keys.txt", "a\nb\n");
        using (OcrPipeline swapped = new(folder.Path))
        {
            Assert.That(() => swapped.Read(picture), Throws.TypeOf<ModelFormatException>().With.Message.Contains("x_det.onnx"));
        }

        File.Copy(models.DetectorPath, folder["x_det.onnx"], overwrite: true);
        using OcrPipeline foreign = new(folder.Path);
        Assert.That(() => foreign.Read(picture), Throws.TypeOf<ModelFormatException>().With.Message.Contains("2 characters").And.Message.Contains("6,625"));
    }

    private static string WithoutSpaces(string text) => text.Replace(" ", "", StringComparison.Ordinal);
}
