using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Vision;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream detect</c>: finds objects in a picture.</summary>
internal sealed class DetectCommand : TaskCommand
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The picture: PNG, JPEG, WebP, BMP or GIF.",
    };

    private readonly Option<string?> _labels = LabelsOption();

    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = "Write the picture with a frame around each object, as .png, .jpg or .webp.",
        HelpName = "FILE.png",
    };

    private readonly Option<float> _threshold = FractionOption("--threshold", 0.25f, "How sure an object must be, between 0 and 1.");

    private readonly Option<float> _overlap = FractionOption("--overlap", 0.45f, "How much boxes of one class may overlap, between 0 and 1.");

    private readonly Option<int> _side = NumberOption("--side", 32, 640, "The size, in pixels, of the square that the picture is put into, where the model leaves that open.", 4096);

    public DetectCommand()
        : base("detect", "Find objects in a picture.", "An .onnx file of YOLOv8's layout, as Ultralytics exports it (versions 8, 9, 11 and 12).")
    {
        Add(_file);
        foreach (Option option in (Option[])[_labels, _output, _threshold, _overlap, _side])
        {
            Add(option);
        }

        AddTaskOptions();
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream detect street.jpg --model yolov8n.onnx --labels coco.txt",
        "onnxstream detect street.jpg --model yolov8n.onnx --labels coco.txt --output frames.png --threshold 0.4",
        "onnxstream detect street.jpg --model yolov8n.onnx --memory 96MB --json",
    ];

    /// <summary>The option that names classes.</summary>
    public static Option<string?> LabelsOption() => new("--labels")
    {
        Description = "A text with the name of each class in a line of its own, in the order of the model; without it, classes have numbers.",
        HelpName = "FILE.txt",
    };

    /// <summary>What <see cref="LabelsOption"/> says; null for no names.</summary>
    public static string[]? ReadLabels(string? path) =>
        path is null ? null : File.Exists(path) ? [.. File.ReadLines(path).Where(line => line.Length > 0)] : throw new FileNotFoundException($"{path}: no such file.", path);

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string model = ModelPath(arguments);
        string file = arguments.GetRequiredValue(_file);
        string? output = arguments.GetValue(_output);
        int side = arguments.GetValue(_side);
        ObjectDetectorOptions detection = new()
        {
            Labels = ReadLabels(arguments.GetValue(_labels)),
            Threshold = arguments.GetValue(_threshold),
            MostOverlap = arguments.GetValue(_overlap),
            Side = side,
        };
        Picture picture = Picture.Load(file);

        // The picture in single precision, twice, and the boxes of all places.
        long tensorBytes = 8L * sizeof(float) * side * side;
        DetectionReport report = Limit(arguments, tensorBytes, options =>
        {
            long start = Stopwatch.GetTimestamp();
            using ObjectDetector detector = new(model, detection, options);
            double load = Seconds(Stopwatch.GetElapsedTime(start));
            start = Stopwatch.GetTimestamp();
            IReadOnlyList<DetectedObject> objects = detector.Detect(picture, cancellationToken);
            double seconds = Seconds(Stopwatch.GetElapsedTime(start));
            if (output is not null)
            {
                PictureMarks.Draw(picture, objects).Save(output);
            }

            return new DetectionReport(
                file,
                picture.Width,
                picture.Height,
                [.. objects.Select(found => new DetectedObjectReport(found.ClassIndex, found.Label, Round(found.Score, 4), [Round(found.Left, 1), Round(found.Top, 1), Round(found.Right, 1), Round(found.Bottom, 1)]))],
                output,
                load,
                seconds,
                PeakMemory.Bytes,
                detector.PeakNativeBytes);
        });
        if (IsJson(arguments))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
            return;
        }

        foreach (DetectedObjectReport found in report.Objects)
        {
            terminal.Output.WriteLine($"{found.Score:0.00}  {found.Label,-16} {found.Box[0],7:0} {found.Box[1],7:0} {found.Box[2],7:0} {found.Box[3],7:0}");
        }

        terminal.Report($"{report.Objects.Count} objects in {Quantity.Seconds(report.TotalS)}; {Quantity.Bytes(report.PeakRssBytes)} peak of the process, {Quantity.Bytes(report.PeakNativeBytes)} of it native{(output is null ? "" : $"; frames in {output}")}");
    }

    private static float Round(float value, int digits) => MathF.Round(value, digits);

    private static Option<float> FractionOption(string name, float otherwise, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => otherwise,
        CustomParser = result =>
        {
            float value = ParseNumber(result, name, 0f, "a number between 0 and 1, as in 0.5");
            if (value > 1)
            {
                result.AddError($"{name} {result.Tokens[0].Value}: expected a number between 0 and 1, as in 0.5.");
            }

            return value;
        },
    };
}
