using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Vision;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream classify</c>: says what a picture shows.</summary>
internal sealed class ClassifyCommand : TaskCommand
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The picture: PNG, JPEG, WebP, BMP or GIF. Its middle is looked at.",
    };

    private readonly Option<string?> _labels = DetectCommand.LabelsOption();

    private readonly Option<int> _count = NumberOption("--count", 1, 5, "The most classes to print.");

    private readonly Option<bool> _blueFirst = new("--bgr")
    {
        Description = "The model takes blue, green, red, as those of Caffe and CNTK do.",
    };

    public ClassifyCommand()
        : base("classify", "Say what a picture shows.", "An .onnx file that takes float[N,3,height,width], normalized as torchvision does, and gives a number for each class.")
    {
        Add(_file);
        foreach (Option option in (Option[])[_labels, _count, _blueFirst])
        {
            Add(option);
        }

        AddTaskOptions();
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream classify photo.jpg --model resnet18.onnx --labels imagenet.txt",
        "onnxstream classify photo.jpg --model mobilenet.onnx --labels imagenet.txt --count 1 --json",
        "onnxstream classify photo.jpg --model resnet18.onnx --memory 64MB",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string model = ModelPath(arguments);
        string file = arguments.GetRequiredValue(_file);
        ImageClassifierOptions classification = new()
        {
            Labels = DetectCommand.ReadLabels(arguments.GetValue(_labels)),
            IsBlueFirst = arguments.GetValue(_blueFirst),
        };
        Picture picture = Picture.Load(file);
        const long TensorBytes = 4 << 20;
        ClassificationReport report = Limit(arguments, TensorBytes, options =>
        {
            long start = Stopwatch.GetTimestamp();
            using ImageClassifier classifier = new(model, classification, options);
            double load = Seconds(Stopwatch.GetElapsedTime(start));
            start = Stopwatch.GetTimestamp();
            IReadOnlyList<ImageClass> classes = classifier.Classify(picture, arguments.GetValue(_count), cancellationToken);
            return new ClassificationReport(
                file,
                [.. classes.Select(item => new ImageClassReport(item.Index, item.Label, MathF.Round(item.Probability, 4)))],
                load,
                Seconds(Stopwatch.GetElapsedTime(start)),
                PeakMemory.Bytes,
                classifier.PeakNativeBytes);
        });
        if (IsJson(arguments))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
            return;
        }

        foreach (ImageClassReport item in report.Classes)
        {
            terminal.Output.WriteLine($"{item.Probability:0.000}  {item.Label}");
        }

        terminal.Report($"{Quantity.Seconds(report.TotalS)}; {Quantity.Bytes(report.PeakRssBytes)} peak of the process, {Quantity.Bytes(report.PeakNativeBytes)} of it native");
    }
}
