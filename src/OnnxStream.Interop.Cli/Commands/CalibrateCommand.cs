using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream calibrate</c>: finds the ranges of a model's activations, which 8 bits are to cover.</summary>
internal sealed class CalibrateCommand : ToolCommand
{
    private const string OnnxStreamFile = "range_data.txt";

    private readonly Argument<string> _model = new("MODEL")
    {
        Description = "An .onnx file, or an OnnxStream folder with a model.txt; or the address of one (http://, https://), whose weights are streamed from there.",
    };

    private readonly Option<string[]> _inputs = SamplesOption();

    private readonly Option<int> _samples = SampleCountOption();

    private readonly Option<string> _method = MethodOption();

    private readonly Option<double> _percentile = PercentileOption();

    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = $"The file to write: JSON, or, if its name ends with .txt, a {OnnxStreamFile} of OnnxStream, which has a range for each node that the original computes in 8 bits. The default is MODEL.ranges.json, and {OnnxStreamFile} in an OnnxStream folder.",
        HelpName = "FILE",
    };

    private readonly Option<string[]> _dimensions = DimensionsOption("The size of an open dimension of random inputs; the default is 1.");

    private readonly Option<int> _seed = SampleSeedOption();

    private readonly Option<long?> _memory = MemoryOption();

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<string> _weights = WeightsOption();

    private readonly Option<bool> _json = JsonOption();

    public CalibrateCommand()
        : base("calibrate", "Find the ranges of a model's activations, for 'quantize'.")
    {
        Add(_model);
        foreach (Option option in (Option[])[_inputs, _samples, _method, _percentile, _output, _dimensions, _seed, _memory, _threads, _weights, _json])
        {
            Add(option);
        }
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream calibrate model.onnx --inputs samples              writes model.onnx.ranges.json; samples holds .npz files, or folders of .npy or .pb files",
        "onnxstream calibrate model.onnx --inputs samples --method percentile --percentile 99.9",
        "onnxstream calibrate model.onnx --memory 300MB                on random inputs, in one pass inside a limit",
        "onnxstream calibrate vae_decoder --inputs samples             an OnnxStream folder: writes vae_decoder/range_data.txt",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string path = arguments.GetRequiredValue(_model);
        long? limit = arguments.GetValue(_memory);
        if (limit is not null)
        {
            ProcessMemory.StaySmall();
        }

        long start = Stopwatch.GetTimestamp();
        using OpenedModel opened = OpenedModel.Open(path);
        Model model = opened.Model;
        string output = arguments.GetValue(_output) ?? DefaultOutput(path, model);
        if (Path.GetDirectoryName(output) is { Length: > 0 } folder && !Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"--output {output}: there is no folder '{folder}'.");
        }

        CalibrationRun run = new(model, arguments.GetValue(_inputs) ?? [], arguments.GetValue(_samples), ParseDimensions(arguments.GetValue(_dimensions)), arguments.GetValue(_seed));
        using WeightsProvider weights = CreateWeightsProvider(arguments.GetRequiredValue(_weights));
        SessionOptions options = new() { ThreadCount = arguments.GetValue(_threads), WeightsProvider = weights, Logger = new TerminalLogger(terminal) };
        Calibration calibration = Prepare(options);
        if (limit is not null)
        {
            calibration = Prepare(run.Limit(options, limit, run.First(), calibration.HistogramBytes));
        }

        RangeTable ranges;
        try
        {
            ranges = run.FindRanges(terminal, calibration, cancellationToken);
        }
        catch (MemoryBudgetException exception) when (limit is not null)
        {
            throw new UsageException($"--memory {Quantity.Bytes(limit.Value)} is too small: the values that are looked at need {Quantity.Bytes(exception.SmallestBudgetBytes)} beside the process.");
        }

        ranges.Save(output, model);
        CalibrationReport report = new(output, arguments.GetRequiredValue(_method), run.Count, run.IsRandom, ranges.Ranges.Count, Seconds(Stopwatch.GetElapsedTime(start)), PeakMemory.Bytes);
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
            return;
        }

        terminal.Output.WriteLine($"file     {report.File}");
        terminal.Output.WriteLine($"values   {report.Values:N0} with a range, by {report.Method}");
        terminal.Output.WriteLine($"samples  {(report.RandomInputs ? "1, of random numbers: ranges of real inputs may be others" : $"{report.Samples:N0}")}");
        terminal.Output.WriteLine($"time     {Quantity.Seconds(report.TimeS)}");
        terminal.Output.WriteLine($"memory   {Quantity.Bytes(report.PeakRssBytes)} peak of the process");

        Calibration Prepare(SessionOptions sessions) => new(model, sessions)
        {
            Method = ParseMethod(arguments.GetRequiredValue(_method)),
            Percentile = arguments.GetValue(_percentile),
            HasOperatorResults = output.EndsWith(".txt", StringComparison.OrdinalIgnoreCase),
        };
    }

    private static string DefaultOutput(string path, Model model) =>
        HttpFiles.IsAddress(path) ? throw new UsageException($"{path} is on a server: say with --output where to write the ranges.") :
        model.Format == "OnnxStream" ? Path.Combine(Directory.Exists(path) ? path : Path.GetDirectoryName(path)!, OnnxStreamFile) :
        Path.TrimEndingDirectorySeparator(path) + ".ranges.json";
}
