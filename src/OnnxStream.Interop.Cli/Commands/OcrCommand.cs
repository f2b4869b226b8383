using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Vision;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream ocr</c>: reads the text in a picture.</summary>
internal sealed class OcrCommand : TaskCommand
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The picture: PNG, JPEG, WebP, BMP or GIF.",
    };

    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = "Write the picture with a frame and a number at each line, as .png, .jpg or .webp.",
        HelpName = "FILE.png",
    };

    private readonly Option<int> _longestSide = NumberOption("--longest-side", 32, 960, "The size, in pixels, to which the picture is made smaller before text is looked for. More finds smaller text, and takes time and memory with its square.", 8192);

    public OcrCommand()
        : base("ocr", "Read the text in a picture.", "A folder with PP-OCR's models: …_det_….onnx, …_rec_….onnx, a list of characters (…keys….txt), and perhaps …_cls_….onnx.")
    {
        Add(_file);
        Add(_output);
        Add(_longestSide);
        AddTaskOptions();
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream ocr receipt.jpg --model pp-ocrv4",
        "onnxstream ocr page.png --model pp-ocrv4 --output frames.png --longest-side 2000",
        "onnxstream ocr sign.webp --model pp-ocrv4 --memory 128MB --json",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string model = ModelPath(arguments);
        string file = arguments.GetRequiredValue(_file);
        string? output = arguments.GetValue(_output);
        Picture picture = Picture.Load(file);

        // Pictures in single precision are made for the detector, and of each line for the recognizer.
        int side = arguments.GetValue(_longestSide);
        long tensorBytes = 3L * sizeof(float) * side * side;
        OcrReport report = Limit(arguments, tensorBytes, options =>
        {
            long start = Stopwatch.GetTimestamp();
            using OcrPipeline ocr = new(model, new OcrOptions { LongestSide = side, KeepsSessionsOpen = !IsLimited(arguments) }, options);
            IReadOnlyList<OcrLine> lines = ocr.Read(picture, cancellationToken);
            double seconds = Seconds(Stopwatch.GetElapsedTime(start));
            if (output is not null)
            {
                PictureMarks.Draw(picture, lines).Save(output);
            }

            return new OcrReport(
                file,
                picture.Width,
                picture.Height,
                string.Join('\n', lines.Select(line => line.Text)),
                [.. lines.Select(line => new OcrLineReport(
                    line.Text, MathF.Round(line.Score, 4), [.. line.Corners.Select(corner => (float[])[MathF.Round(corner.X, 1), MathF.Round(corner.Y, 1)])], line.IsUpsideDown))],
                output,
                seconds,
                PeakMemory.Bytes,
                ocr.PeakNativeBytes);
        });
        if (IsJson(arguments))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
            return;
        }

        // The text alone is the result; it goes to other programs as it is.
        foreach (OcrLineReport line in report.Lines)
        {
            terminal.Output.WriteLine(line.Text);
        }

        terminal.Report($"{report.Lines.Count} lines in {Quantity.Seconds(report.TotalS)}; {Quantity.Bytes(report.PeakRssBytes)} peak of the process, {Quantity.Bytes(report.PeakNativeBytes)} of it native{(output is null ? "" : $"; frames in {output}")}");
    }
}
