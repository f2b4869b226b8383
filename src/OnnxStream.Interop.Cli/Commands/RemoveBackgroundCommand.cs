using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Vision;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream remove-background</c>: makes the background of a picture transparent.</summary>
internal sealed class RemoveBackgroundCommand : TaskCommand
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "The picture: PNG, JPEG, WebP, BMP or GIF.",
    };

    private readonly Option<string> _output = new("--output", "-o")
    {
        Description = "The picture to write, as .png or .webp.",
        HelpName = "FILE.png",
        DefaultValueFactory = _ => "object.png",
    };

    public RemoveBackgroundCommand()
        : base("remove-background", "Make the background of a picture transparent.", "An .onnx file of IS-Net's or U²-Net's kind: it takes float[1,3,1024,1024] and gives a mask.")
    {
        Add(_file);
        Add(_output);
        _output.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } name && Path.GetExtension(name).ToLowerInvariant() is not (".png" or ".webp"))
            {
                result.AddError($"--output {name}: expected the name of a .png or .webp file; others have no transparency.");
            }
        });
        AddTaskOptions();
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream remove-background shoe.jpg --model isnet.onnx --output shoe.png",
        "onnxstream remove-background shoe.jpg --model isnet.onnx --memory 400MB --json",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string model = ModelPath(arguments);
        string file = arguments.GetRequiredValue(_file);
        string output = arguments.GetRequiredValue(_output);
        Picture picture = Picture.Load(file);

        // The picture in single precision, twice, the mask, and the result.
        long tensorBytes = (8L * sizeof(float) * 1024 * 1024) + (4L * picture.Width * picture.Height);
        BackgroundReport report = Limit(arguments, tensorBytes, options =>
        {
            long start = Stopwatch.GetTimestamp();
            using BackgroundRemover remover = new(model, options);
            double load = Seconds(Stopwatch.GetElapsedTime(start));
            start = Stopwatch.GetTimestamp();
            Picture result = remover.Remove(picture, cancellationToken);
            double seconds = Seconds(Stopwatch.GetElapsedTime(start));
            result.Save(output);
            long opacity = 0;
            for (int i = 3; i < result.Pixels.Length; i += 4)
            {
                opacity += result.Pixels[i];
            }

            return new BackgroundReport(
                file,
                output,
                picture.Width,
                picture.Height,
                Math.Round((double)opacity / byte.MaxValue / ((long)picture.Width * picture.Height), 4),
                load,
                seconds,
                PeakMemory.Bytes,
                remover.PeakNativeBytes);
        });
        if (IsJson(arguments))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
            return;
        }

        terminal.Output.WriteLine($"picture  {report.Output}, {100 * report.ObjectPart:0.0} % of it left");
        terminal.Output.WriteLine($"time     {Quantity.Seconds(report.TotalS)}, {Quantity.Seconds(report.LoadS)} to open the model");
        terminal.Output.WriteLine($"memory   {Quantity.Bytes(report.PeakRssBytes)} peak of the process, {Quantity.Bytes(report.PeakNativeBytes)} of it native");
    }
}
