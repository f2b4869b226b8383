using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Cli.Tensors;
using OnnxStream.Interop.Weights;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream run</c>: computes the outputs of a model and says what that cost.</summary>
internal sealed class RunCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL")
    {
        Description = "An .onnx file, or an OnnxStream folder with a model.txt; or the address of one (http://, https://), whose weights are streamed from there.",
    };

    private readonly Option<string[]> _inputs = new("--input", "-i")
    {
        Description = $"What an input is: {InputTensors.Values}. A number, ones, zeros and random fill the declared shape. Inputs that are not given are seeded random data, or have their default value. A sequence is given a tensor by each --input of its name.",
        HelpName = "NAME=VALUE",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _dimensions = DimensionsOption("The size of an open dimension of inputs that are not files or lists; the default is 1.");

    private readonly Option<string[]> _outputs = OutputsOption();

    private readonly Option<double?> _imageScale = new("--image-scale")
    {
        Description = "What the pixels of pictures, 0 to 255, are multiplied by; the default is 1/255, and 1 for inputs of integers.",
        HelpName = "N",
        CustomParser = result => ParseNumbers(result, "--image-scale") is [var scale] ? scale : NotOne(result),
    };

    private readonly Option<double[]> _imageMean = ChannelsOption("--image-mean", 0, "What is subtracted from scaled pixels: one number, or one for each channel.");

    private readonly Option<double[]> _imageDeviation = ChannelsOption("--image-std", 1, "What scaled pixels are divided by, after that: one number, or one for each channel.");

    private readonly Option<int> _seed = NumberOption(
        "--seed", 0, 0, "The seed of random inputs: normally distributed floats, integers from 0 to 9, or those that pick entries of a table; masks are ones.");

    private readonly Option<string?> _outputFolder = new("--output-dir", "-o")
    {
        Description = "Write each output to DIR/NAME.npy; characters of NAME that are unsafe in file names become '_'.",
        HelpName = "DIR",
    };

    private readonly Option<int> _repeat = NumberOption("--repeat", 1, 1, "The number of runs.");

    private readonly Option<long?> _memory = MemoryOption();

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<string> _weights = WeightsOption();

    private readonly Option<string> _panelStore = PanelStoreOption();

    private readonly Option<string> _panelType = PanelTypeOption();

    private readonly Option<double?> _targetError = TargetErrorOption();

    private readonly Option<string> _activationType = ActivationTypeOption();

    private readonly Option<string?> _trace = new("--trace")
    {
        Description = "Write the time of each step of the last run as a Chrome trace (chrome://tracing, ui.perfetto.dev).",
        HelpName = "FILE",
    };

    private readonly Option<bool> _json = JsonOption();

    public RunCommand()
        : base("run", "Run a model and report time, memory and outputs.")
    {
        Add(_model);
        foreach (Option option in (Option[])[_inputs, _dimensions, _outputs, _imageScale, _imageMean, _imageDeviation, _seed, _outputFolder, _repeat, _memory, _threads, _weights, _panelStore, _panelType, _targetError, _activationType, _trace, _json])
        {
            Add(option);
        }

        _inputs.Validators.Add(result => RequirePairs(result, "NAME=VALUE"));
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream run model.onnx                                   random inputs: does it run, how fast, in how much memory?",
        "onnxstream run model.onnx --dim batch=4 --dim sequence=128 --repeat 5 --json",
        "onnxstream run model.onnx --input sample=x.npy --input timestep=981 --output-dir out",
        "onnxstream run bert.onnx --input input_ids=[[101,7592,102]] --input attention_mask=ones",
        "onnxstream run resnet.onnx --input image=photo.png --image-mean 0.485,0.456,0.406 --image-std 0.229,0.224,0.225",
        "onnxstream run http://192.168.1.2:8000/model.onnx           weights are streamed from a server; nothing is written",
        "onnxstream run model.onnx --output scores                   computes what that output needs only",
        "onnxstream run model.onnx --panel-store auto --repeat 5     pack the weights once, in the cache folder",
        "onnxstream run model.onnx --panel-store auto --panel-type auto --target-error 0.02   small and quick panels, chosen once",
        "onnxstream run model.onnx --memory 128MB                    never more than that; a limit that is too small is refused",
        "onnxstream run unet_fp16 --weights nocache --threads 2      an OnnxStream folder",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string path = arguments.GetRequiredValue(_model);
        double? targetError = ReadTargetError(arguments.GetRequiredValue(_panelStore), arguments.GetRequiredValue(_panelType), arguments.GetValue(_targetError));
        long? limit = arguments.GetValue(_memory);
        if (limit is not null)
        {
            ProcessMemory.StaySmall();
        }

        // Whatever can be wrong with the arguments should come to light before the work begins.
        long start = Stopwatch.GetTimestamp();
        using OpenedModel opened = OpenedModel.Open(path);
        Model model = opened.Model;
        TimeSpan loadDuration = Stopwatch.GetElapsedTime(start);
        Dictionary<string, OnnxValue> inputs = LoadInputs(arguments, model, terminal);
        string? folder = arguments.GetValue(_outputFolder);
        if (folder is not null)
        {
            Directory.CreateDirectory(folder);
        }

        Dictionary<string, TensorType> types = inputs.Where(input => input.Value is TensorBuffer).ToDictionary(input => input.Key, input => ((TensorBuffer)input.Value).Type);
        using WeightsProvider weights = CreateWeightsProvider(arguments.GetRequiredValue(_weights));
        PackingReporter packing = new();
        SessionOptions options = new()
        {
            ThreadCount = arguments.GetValue(_threads),
            Outputs = ChooseOutputs(model, arguments.GetValue(_outputs)),
            WeightsProvider = weights,
            ActivationElementType = ParseType(arguments.GetRequiredValue(_activationType)),
            PanelStore = CreatePanelStore(arguments.GetRequiredValue(_panelStore), arguments.GetRequiredValue(_panelType), packing, cancellationToken),
            Logger = new TerminalLogger(terminal),
        };
        options = ChoosePanelTypes(terminal, model, options, inputs, types, targetError, limit, cancellationToken);
        start = Stopwatch.GetTimestamp();
        ProcessMemory? memory = null;
        if (limit is { } allowed)
        {
            // How much a session needs, and how much the process holds beside it, is known when it has been planned.
            using InferenceSession planned = new(model, options with { PlanOnly = true });
            PlanSummary needed = planned.Plan(types);
            memory = Measure(needed, isOpen: false);
            memory.Check(allowed, needed.SmallestBudgetBytes);
            options = options with { MemoryBudget = memory.BudgetFor(allowed) };
        }

        RunReport report;
        try
        {
            using InferenceSession session = options.PanelStore.IsEnabled ? packing.Show(terminal, () => new InferenceSession(model, options)) : new InferenceSession(model, options);
            // The plan is made before the run, so that what planning leaves behind is gone when the activations come.
            PlanSummary plan = session.Plan(types);
            loadDuration += Stopwatch.GetElapsedTime(start);
            if (memory is null)
            {
                memory = Measure(plan, isOpen: true);
            }
            else
            {
                ProcessMemory.CleanUp();
            }

            (double[] runSeconds, long peakNativeBytes, RunResult result) = Run(arguments, terminal, session, inputs, packing, cancellationToken);
            report = new RunReport(
                Seconds(loadDuration),
                runSeconds,
                PeakMemory.Bytes,
                peakNativeBytes,
                result.Statistics.WeightsBytesStreamed,
                limit,
                plan.PeakBytes,
                memory.SmallestLimit(plan.SmallestBudgetBytes),
                Save(session.Outputs, result, folder));
        }
        catch (MemoryBudgetException exception) when (limit is not null)
        {
            throw memory!.TooLittle(limit.Value, exception.SmallestBudgetBytes);
        }

        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            Print(report, terminal);
        }
    }

    // The runs that choose keep to the limit as well. They have no store, and so a plan of their own.
    private static SessionOptions ChoosePanelTypes(
        Terminal terminal, Model model, SessionOptions options, Dictionary<string, OnnxValue> inputs, Dictionary<string, TensorType> types, double? targetError, long? limit, CancellationToken cancellationToken)
    {
        SessionOptions searching = options;
        if (targetError is not null && limit is { } allowed)
        {
            using InferenceSession planned = new(model, options with { PanelStore = PanelStoreOptions.Off, PlanOnly = true });
            PlanSummary needed = planned.Plan(types);
            ProcessMemory memory = Measure(needed, isOpen: false);
            memory.Check(allowed, needed.SmallestBudgetBytes);
            searching = options with { MemoryBudget = memory.BudgetFor(allowed) };
        }

        return options with { PanelStore = ChoosePanelTypes(terminal, model, searching, () => inputs, targetError, cancellationToken).PanelStore };
    }

    // Of a session that has been planned its operators are resident, and constants where it is ready to run; tensors are not before it runs.
    private static ProcessMemory Measure(PlanSummary plan, bool isOpen) =>
        ProcessMemory.Measure(plan.OperatorBytes + (isOpen ? plan.ConstantBytes : 0), plan.OutputBytes);

    private (double[] Seconds, long PeakNativeBytes, RunResult Result) Run(
        ParseResult arguments, Terminal terminal, InferenceSession session, Dictionary<string, OnnxValue> inputs, PackingReporter packing, CancellationToken cancellationToken)
    {
        string? traceFile = arguments.GetValue(_trace);
        double[] runSeconds = new double[arguments.GetValue(_repeat)];
        long peakNativeBytes = 0;
        RunResult? result = null;
        for (int i = 0; i < runSeconds.Length; i++)
        {
            if (i > 0)
            {
                // Outputs of earlier runs would stay in memory until .NET sees a reason to look for garbage, and then in the middle of a run.
                result = null;
                GC.Collect();
            }

            RunTrace? trace = traceFile is not null && i == runSeconds.Length - 1 ? new RunTrace() : null;
            string description = runSeconds.Length == 1 ? "run" : $"run {i + 1}/{runSeconds.Length}";
            (result, runSeconds[i]) = ProgressDisplay.Show(terminal, report =>
            {
                // The whole call is timed, so the first run of a model with open dimensions includes its planning.
                packing.Display = report;
                RunOptions runOptions = new() { Progress = new RunReporter(fraction => report(description, fraction)), Trace = trace };
                long start = Stopwatch.GetTimestamp();
                RunResult result = session.Run(inputs, runOptions, cancellationToken);
                return (result, Seconds(Stopwatch.GetElapsedTime(start)));
            });
            if (trace is not null)
            {
                // At once, so that no half of it is left. It may be a pipe or a device, which a file beside it cannot replace.
                using MemoryStream json = new();
                trace.SaveChromeTrace(json);
                File.WriteAllBytes(traceFile!, json.ToArray());
            }

            peakNativeBytes = Math.Max(peakNativeBytes, result.Statistics.PeakNativeBytes);
            terminal.Report($"{description}: {Quantity.Seconds(runSeconds[i])}");
        }

        return (runSeconds, peakNativeBytes, result!);
    }

    // Each tensor of a sequence is an output of its own, with its place behind the name.
    private static List<OutputReport> Save(IReadOnlyList<ValueMetadata> declared, RunResult result, string? folder)
    {
        List<(string Name, string FileName, TensorBuffer? Tensor, OutputReport? Instead)> outputs = [];
        foreach (string name in declared.Select(output => output.Name))
        {
            switch (result.Values.GetValueOrDefault(name))
            {
                case TensorBuffer tensor:
                    outputs.Add((name, name, tensor, null));
                    break;
                case TensorSequence { Count: > 0 } sequence:
                    outputs.AddRange(sequence.Select((tensor, i) => ($"{name}[{i}]", $"{name}.{i}", (TensorBuffer?)tensor, (OutputReport?)null)));
                    break;
                case TensorSequence empty:
                    outputs.Add((name, name, null, new OutputReport(name, $"seq({empty.ElementType.ToOnnxName()})", [0], null)));
                    break;
                default:
                    outputs.Add((name, name, null, new OutputReport(name, "no content", [], null)));
                    break;
            }
        }

        IReadOnlyList<string> files = FileNames.For(outputs.Select(output => output.FileName), ".npy");
        List<OutputReport> reports = [];
        for (int i = 0; i < outputs.Count; i++)
        {
            (string name, _, TensorBuffer? tensor, OutputReport? instead) = outputs[i];
            string? file = folder is null || tensor is null ? null : Path.Combine(folder, files[i]);
            if (file is not null)
            {
                NpyFile.Save(file, tensor!);
            }

            reports.Add(instead ?? new OutputReport(name, tensor!.ElementType.ToOnnxName(), tensor.Shape.ToArray(), file));
        }

        return reports;
    }

    private Dictionary<string, OnnxValue> LoadInputs(ParseResult arguments, Model model, Terminal terminal)
    {
        PictureOptions pictures = new(arguments.GetValue(_imageScale), arguments.GetRequiredValue(_imageMean), arguments.GetRequiredValue(_imageDeviation));
        InputTensors inputs = new(model, arguments.GetValue(_inputs) ?? [], ParseDimensions(arguments.GetValue(_dimensions)), arguments.GetValue(_seed), pictures);
        return inputs.Create(terminal.Report);
    }

    private static Option<double[]> ChannelsOption(string name, double otherwise, string description)
    {
        Option<double[]> option = new(name)
        {
            Description = $"{description} The default is {otherwise}.",
            HelpName = "N,N,N",
            DefaultValueFactory = _ => [otherwise],
            CustomParser = result => ParseNumbers(result, name),
        };
        option.Validators.Add(result =>
        {
            if (otherwise != 0 && result.GetValueOrDefault<double[]>()?.Contains(0) == true)
            {
                result.AddError($"{name}: 0 cannot be divided by.");
            }
        });
        return option;
    }

    // Numbers separated by commas; a fraction such as 1/255 is one.
    private static double[] ParseNumbers(ArgumentResult result, string name)
    {
        List<double> numbers = [];
        foreach (string text in result.Tokens[0].Value.Split(','))
        {
            string[] parts = text.Split('/');
            double[] values = [.. parts.Select(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) ? value : double.NaN)];
            double number = values is [var whole] ? whole : values is [var upper, var lower] ? upper / lower : double.NaN;
            if (!double.IsFinite(number))
            {
                result.AddError($"{name} {result.Tokens[0].Value}: expected numbers with commas between them, as in 0.485,0.456,0.406 or 1/255.");
                return [];
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    private static double? NotOne(ArgumentResult result)
    {
        result.AddError($"--image-scale {result.Tokens[0].Value}: expected one number, as in 1/255.");
        return null;
    }

    private static void Print(RunReport report, Terminal terminal)
    {
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumns("output", "type", "shape");
        bool hasFiles = report.Outputs.Any(output => output.File is not null);
        if (hasFiles)
        {
            table.AddColumn("file");
        }

        foreach (OutputReport output in report.Outputs)
        {
            List<string> cells = [output.Name, output.Type, $"[{string.Join(',', output.Shape)}]"];
            if (hasFiles)
            {
                cells.Add(output.File ?? "");
            }

            table.AddRow([.. cells.Select(Markup.Escape)]);
        }

        terminal.Write(table);
        double[] sorted = [.. report.RunsS.Order()];
        string runs = sorted.Length == 1
            ? Quantity.Seconds(sorted[0])
            : $"{Quantity.Seconds(sorted[sorted.Length / 2])} median of {sorted.Length} ({Quantity.Seconds(sorted[0])} to {Quantity.Seconds(sorted[^1])})";
        terminal.Output.WriteLine($"load     {Quantity.Seconds(report.LoadS)}");
        terminal.Output.WriteLine($"run      {runs}");
        terminal.Output.WriteLine($"memory   {Quantity.Bytes(report.PeakRssBytes)} peak of the process, {Quantity.Bytes(report.PeakNativeBytes)} of it native");
        if (report.MemoryBudgetBytes is { } limit)
        {
            terminal.Output.WriteLine($"limit    {Quantity.Bytes(limit)}, of which at least {Quantity.Bytes(report.SmallestBudgetBytes)} are needed");
        }

        terminal.Output.WriteLine($"weights  {Quantity.Bytes(report.WeightsBytesStreamed)} streamed in a run");
    }

    private sealed class RunReporter(Action<double> report) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => report(value.StepCount == 0 ? 1 : (double)value.Step / value.StepCount);
    }
}
