using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Weights;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream quantize</c>: writes a model in fewer bits.</summary>
internal sealed class QuantizeCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL")
    {
        Description = "An .onnx file, or an OnnxStream folder with a model.txt; or the address of one (http://, https://), whose weights are streamed from there.",
    };

    private readonly Argument<string> _destination = new("DESTINATION")
    {
        Description = "An .onnx file to write, or (with any other name) an OnnxStream folder. It must not exist yet.",
    };

    private readonly Option<string> _scheme = SchemeOption();

    private readonly Option<string?> _ranges = new("--ranges")
    {
        Description = "For w8a8, the ranges of activations: what 'calibrate' wrote, or a range_data.txt of OnnxStream. Without it, they are found on --inputs first.",
        HelpName = "FILE",
    };

    private readonly Option<string[]> _inputs = SamplesOption();

    private readonly Option<int> _samples = SampleCountOption();

    private readonly Option<string> _method = MethodOption();

    private readonly Option<double> _percentile = PercentileOption();

    private readonly Option<double?> _targetError = new("--target-error")
    {
        Description = "The largest error of the outputs, as a part of their root mean square: layers that add most to it keep more bits until it is met. It is measured on the first of the --inputs, some tens of runs.",
        HelpName = "E",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || value is not (> 0 and < 1))
            {
                result.AddError($"--target-error {text}: expected a number that is more than 0 and less than 1, as in 0.02.");
            }

            return value;
        },
    };

    private readonly Option<bool> _floatResults = new("--float-results")
    {
        Description = "For w8a8, leave results of convolutions in single precision: more exact, slower, and larger while it runs.",
    };

    private readonly Option<bool> _embeddings = new("--embeddings")
    {
        Description = "Give tables of which rows are taken 8 bits as well.",
    };

    private readonly Option<bool> _unmeasured = new("--no-measure")
    {
        Description = "Do not run the model to measure the error.",
    };

    private readonly Option<int> _top = NumberOption("--top", 0, 20, "How many layers to list: those with the lowest signal-to-noise ratio, and those that keep more bits than was asked for.");

    private readonly Option<bool> _all = new("--all")
    {
        Description = "List all layers.",
    };

    private readonly Option<string[]> _dimensions = DimensionsOption("The size of an open dimension of random inputs; the default is 1.");

    private readonly Option<int> _seed = SampleSeedOption();

    private readonly Option<long?> _memory = MemoryOption();

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<string> _weights = WeightsOption();

    private readonly Option<bool> _json = JsonOption();

    public QuantizeCommand()
        : base("quantize", "Write a model with weights, and activations, in fewer bits.")
    {
        Add(_model);
        Add(_destination);
        foreach (Option option in (Option[])[_scheme, _ranges, _inputs, _samples, _method, _percentile, _targetError, _floatResults, _embeddings, _unmeasured, _top, _all, _dimensions, _seed, _memory, _threads, _weights, _json])
        {
            Add(option);
        }
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream quantize model.onnx model.int8.onnx                                  weights in a quarter of the bytes, and the error that this makes",
        "onnxstream quantize model.onnx model.int4.onnx --scheme w4 --target-error 0.02  as small as that error allows",
        "onnxstream quantize model.onnx model.qdq.onnx --scheme w8a8 --inputs samples    products of 8-bit integers; samples as for 'calibrate'",
        "onnxstream quantize model.onnx model.qdq.onnx --scheme w8a8 --ranges model.onnx.ranges.json --no-measure",
        "onnxstream quantize unet unet_qu8                                               an OnnxStream folder with uint8 weights",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string destination = arguments.GetRequiredValue(_destination);
        string scheme = arguments.GetRequiredValue(_scheme);
        bool isOnnx = Path.GetExtension(destination).Equals(".onnx", StringComparison.OrdinalIgnoreCase);
        double? target = arguments.GetValue(_targetError);
        Check(arguments, destination, scheme, isOnnx, target);
        long? limit = arguments.GetValue(_memory);
        if (limit is not null)
        {
            ProcessMemory.StaySmall();
        }

        long start = Stopwatch.GetTimestamp();
        using OpenedModel opened = OpenedModel.Open(arguments.GetRequiredValue(_model));
        Model model = opened.Model;
        RangeTable? ranges = arguments.GetValue(_ranges) is { } file ? RangeTable.Load(file, model) : null;
        CalibrationRun run = new(model, arguments.GetValue(_inputs) ?? [], arguments.GetValue(_samples), ParseDimensions(arguments.GetValue(_dimensions)), arguments.GetValue(_seed));
        bool calibrates = scheme == Static && ranges is null;
        bool measures = !arguments.GetValue(_unmeasured);
        IReadOnlyDictionary<string, OnnxValue>? inputs = measures ? run.First() : null;
        using WeightsProvider weights = CreateWeightsProvider(arguments.GetRequiredValue(_weights));
        SessionOptions options = new() { ThreadCount = arguments.GetValue(_threads), WeightsProvider = weights, Logger = new TerminalLogger(terminal) };
        QuantizationReport result;
        try
        {
            if (calibrates)
            {
                Calibration calibration = Prepare(options);
                ranges = run.FindRanges(terminal, Prepare(run.Limit(options, limit, run.First(), calibration.HistogramBytes)), cancellationToken);
            }

            Quantizer quantizer = new(model, inputs is null ? options : run.Limit(options, limit, inputs, 0))
            {
                Scheme = ParseScheme(scheme),
                Ranges = ranges,
                Inputs = inputs,
                TargetError = target,
                QuantizesResults = !arguments.GetValue(_floatResults),
                QuantizesEmbeddings = arguments.GetValue(_embeddings),
            };
            result = ProgressDisplay.Show(terminal, report => isOnnx
                ? quantizer.SaveOnnx(destination, new Reporter(report), cancellationToken)
                : quantizer.SaveOnnxStream(destination, new Reporter(report), cancellationToken));
        }
        catch (MemoryBudgetException exception) when (limit is not null)
        {
            throw new UsageException($"--memory {Quantity.Bytes(limit.Value)} is too small: {Quantity.Bytes(exception.SmallestBudgetBytes)} are needed beside the process.");
        }

        QuantizeReport report = new(
            destination, scheme, result.MeasuredError, run.IsRandom && (calibrates || measures), target, result.OriginalBytes, result.Bytes, Seconds(Stopwatch.GetElapsedTime(start)), PeakMemory.Bytes,
            [.. result.Layers.Select(QuantizeLayerReport.Of)]);
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            Print(report, arguments.GetValue(_all) ? int.MaxValue : arguments.GetValue(_top), terminal);
        }

        Calibration Prepare(SessionOptions sessions) => new(model, sessions)
        {
            Method = ParseMethod(arguments.GetRequiredValue(_method)),
            Percentile = arguments.GetValue(_percentile),
            HasOperatorResults = !isOnnx,
        };
    }

    private void Check(ParseResult arguments, string destination, string scheme, bool isOnnx, double? target)
    {
        if (Directory.Exists(destination) ? Directory.EnumerateFileSystemEntries(destination).Any() : File.Exists(destination))
        {
            throw new UsageException($"{destination} exists already: remove it, or choose another name.");
        }

        if (!isOnnx && scheme == "w4")
        {
            throw new UsageException("--scheme w4: OnnxStream folders have no weights of 4 bits. Write an .onnx file, or choose w8a32.");
        }

        if (scheme != Static && arguments.GetValue(_ranges) is { } ranges)
        {
            throw new UsageException($"--ranges {ranges} is for --scheme {Static}, not for {scheme}: activations stay what they are.");
        }

        if (target is not null && arguments.GetValue(_unmeasured))
        {
            throw new UsageException($"--target-error {target.Value.ToString(CultureInfo.InvariantCulture)} needs a measured error: leave --no-measure out.");
        }
    }

    private static void Print(QuantizeReport report, int top, Terminal terminal)
    {
        HashSet<QuantizeLayerReport> listed = [.. report.Layers.OrderBy(layer => layer.Reason is null).ThenBy(layer => layer.SnrDb ?? double.PositiveInfinity).Take(top)];
        if (listed.Count > 0)
        {
            Table table = new() { Border = TableBorder.Simple };
            table.AddColumns("node", "type");
            foreach (string name in (string[])["bytes", "weight", "data", "layer"])
            {
                table.AddColumn(name, column => column.RightAligned());
            }

            table.AddColumn("kept because of");
            foreach (QuantizeLayerReport layer in report.Layers.Where(listed.Contains))
            {
                table.AddRow(
                    Markup.Escape(layer.Node), layer.Type + (layer.QuantizedData ? ", 8-bit data" : ""), Quantity.Bytes(layer.Bytes),
                    Decibels(layer.WeightSnrDb), Decibels(layer.DataSnrDb), Decibels(layer.SnrDb), layer.Reason ?? "");
            }

            terminal.Write(table);
        }

        terminal.Output.WriteLine($"model    {report.Model}");
        terminal.Output.WriteLine($"layers   {report.Layers.Count:N0}{(listed.Count < report.Layers.Count ? $", {listed.Count:N0} of them listed (--all lists all)" : "")}: {string.Join(", ", report.Layers.GroupBy(layer => layer.Type + (layer.QuantizedData ? " with 8-bit data" : "")).Select(group => $"{group.Count():N0} {group.Key}"))}");
        terminal.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"weights  {Quantity.Bytes(report.Bytes)}, {100.0 * report.Bytes / report.OriginalBytes:0.0} % of {Quantity.Bytes(report.OriginalBytes)}"));
        terminal.Output.WriteLine(report.Error is { } error
            ? string.Create(CultureInfo.InvariantCulture, $"error    {error:0.#####} of the outputs' root mean square{(report.TargetError is { } target ? $"; at most {target} was asked for" : "")}{(report.RandomInputs ? "; of random inputs" : "")}")
            : "error    not measured");
        terminal.Output.WriteLine($"time     {Quantity.Seconds(report.TimeS)}");
        terminal.Output.WriteLine($"memory   {Quantity.Bytes(report.PeakRssBytes)} peak of the process");
    }

    private static string Decibels(double? ratio) => ratio is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:0.0} dB") : "";

    private sealed class Reporter(ProgressDisplay.Reporter report) : IProgress<QuantizationProgress>
    {
        public void Report(QuantizationProgress value) => report(value.Stage switch
        {
            QuantizationStage.Weights => "finding scales",
            QuantizationStage.Measuring => "measuring the error",
            _ => "writing",
        }, value.Fraction);
    }
}
