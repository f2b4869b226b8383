using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream pack</c>: makes the panel store of a model ahead of its first run.</summary>
internal sealed class PackCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL")
    {
        Description = "An .onnx file, or an OnnxStream folder with a model.txt; or the address of one (http://, https://), whose weights are streamed from there.",
    };

    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = "The file to write, for 'run --panel-store FILE'. By default the store goes to the cache folder, for 'run --panel-store auto'.",
        HelpName = "FILE",
    };

    private readonly Option<string> _panelType = PanelTypeOption();

    private readonly Option<double?> _targetError = TargetErrorOption();

    private readonly Option<string[]> _dimensions = DimensionsOption("The size of an open dimension of the inputs; the default is 1. A store fits one plan only.");

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<bool> _json = JsonOption();

    public PackCommand()
        : base("pack", "Pack the weights of a model once, so that runs do not have to.")
    {
        Add(_model);
        foreach (Option option in (Option[])[_output, _panelType, _targetError, _dimensions, _threads, _json])
        {
            Add(option);
        }
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream pack model.onnx                               for 'run --panel-store auto'",
        "onnxstream pack model.onnx --output model.panels --panel-type f16",
        "onnxstream pack model.onnx --panel-type auto --target-error 0.01   as small as that error allows",
        "onnxstream pack model.onnx --dim batch=2 --threads 2     with the settings of the runs",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string path = arguments.GetRequiredValue(_model);
        using OpenedModel opened = OpenedModel.Open(path);
        Model model = opened.Model;
        Dictionary<string, long> dimensions = ParseDimensions(arguments.GetValue(_dimensions));
        Dictionary<string, TensorType> types = InputTypes.Create(model.Inputs, dimensions);
        PackingReporter packing = new();
        string store = arguments.GetValue(_output) is { } output ? Path.GetFullPath(output) : "auto";
        string type = arguments.GetRequiredValue(_panelType);
        SessionOptions options = new()
        {
            ThreadCount = arguments.GetValue(_threads),
            PanelStore = CreatePanelStore(store, type, packing, cancellationToken),
            Logger = new TerminalLogger(terminal),
        };
        double? targetError = ReadTargetError(store, type, arguments.GetValue(_targetError));
        options = ChoosePanelTypes(terminal, model, options, () => new InputTensors(model, [], dimensions, seed: 0, PictureOptions.Default).Create(_ => { }), targetError, cancellationToken);
        if (options.PanelStore.Path is null)
        {
            // A store in the cache folder is named for its content. By its path, it is made even if the disk is nearly full then, and an error is one.
            options = options with { PanelStore = CreatePanelStore(FindCachedStore(model, types, options), type, packing, cancellationToken) with { Formats = options.PanelStore.Formats } };
        }

        DateTime? before = LastWriteTime(options.PanelStore.Path!);
        long start = Stopwatch.GetTimestamp();
        string? made = packing.Show(terminal, () =>
        {
            using InferenceSession session = new(model, options);
            return session.Pack(types).PanelStorePath;
        });
        double seconds = Seconds(Stopwatch.GetElapsedTime(start));
        PackReport report = new(RequireStore(made), new FileInfo(made!).Length, LastWriteTime(made!) != before, seconds);
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            terminal.Output.WriteLine($"file  {report.File}");
            terminal.Output.WriteLine($"size  {Quantity.Bytes(report.Bytes)}");
            terminal.Output.WriteLine($"time  {(report.Packed ? Quantity.Seconds(seconds) : "none: it already existed")}");
        }
    }

    private static string FindCachedStore(Model model, Dictionary<string, TensorType> types, SessionOptions options)
    {
        using InferenceSession session = new(model, options with { PlanOnly = true });
        return RequireStore(session.Plan(types).PanelStorePath);
    }

    private static string RequireStore(string? path) =>
        path ?? throw new UsageException("No panel store can be made: the model has no weights to pack, or the disk of the cache folder has less than twice the space that it needs (choose another file with --output).");

    private static DateTime? LastWriteTime(string path) => File.Exists(path) ? File.GetLastWriteTimeUtc(path) : null;
}
