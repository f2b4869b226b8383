using System.CommandLine;
using System.Globalization;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Cli.Tensors;
using OnnxStream.Interop.Weights;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream plan</c>: says what a run would do and how much memory that needs, without running.</summary>
internal sealed class PlanCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL")
    {
        Description = "An .onnx file, or an OnnxStream folder with a model.txt; or the address of one (http://, https://), whose weights are streamed from there.",
    };

    private readonly Option<long?> _memory = MemoryOption();

    private readonly Option<string[]> _dimensions = DimensionsOption("The size of an open dimension of the inputs; the default is 1.");

    private readonly Option<string[]> _outputs = OutputsOption();

    private readonly Option<string> _panelStore = PanelStoreOption();

    private readonly Option<string> _panelType = PanelTypeOption();

    private readonly Option<double?> _targetError = TargetErrorOption();

    private readonly Option<string> _activationType = ActivationTypeOption();

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<string> _weights = WeightsOption();

    private readonly Option<int> _top = NumberOption("--top", 0, 20, "How many steps to list: those with the most memory, and those with the most operations.");

    private readonly Option<bool> _all = new("--all")
    {
        Description = "List all steps.",
    };

    private readonly Option<string?> _image = new("--image")
    {
        Description = "Draw a chart of the memory in use at each step, and of the types of panels where they are chosen (--panel-type auto).",
        HelpName = "FILE.png",
    };

    private readonly Option<bool> _time = new("--time")
    {
        Description = "Estimate the time of a run, from how quick this machine is now: it computes and reads for about a second.",
    };

    private readonly Option<bool> _json = JsonOption();

    public PlanCommand()
        : base("plan", "Show what a run would do, and the memory that it would need.")
    {
        Add(_model);
        foreach (Option option in (Option[])[_memory, _dimensions, _outputs, _panelStore, _panelType, _targetError, _activationType, _threads, _weights, _top, _all, _image, _time, _json])
        {
            Add(option);
        }

        _image.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } file && !file.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
            {
                result.AddError($"--image {file}: expected the name of a .png file.");
            }
        });
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream plan model.onnx                              how much memory, and where?",
        "onnxstream plan model.onnx --memory 128MB               does it fit?",
        "onnxstream plan model.onnx --dim batch=4 --dim sequence=128 --image memory.png",
        "onnxstream plan model.onnx --panel-store auto --time    how long will a run take, and is it the processor or the disk that decides?",
        "onnxstream plan https://example.org/big/model.onnx      what does it need? Only its graph is fetched",
        "onnxstream plan model.onnx --output scores              what that output needs only",
        "onnxstream plan model.onnx --panel-store auto --all     the plan with packed weights; nothing is packed",
        "onnxstream plan model.onnx --panel-store auto --panel-type auto --target-error 0.02   which layer has which type, and its part of the error",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string path = arguments.GetRequiredValue(_model);
        using OpenedModel opened = OpenedModel.Open(path);
        Model model = opened.Model;
        Dictionary<string, long> dimensions = ParseDimensions(arguments.GetValue(_dimensions));
        Dictionary<string, TensorType> types = InputTypes.Create(model.Inputs, dimensions);
        double? targetError = ReadTargetError(arguments.GetRequiredValue(_panelStore), arguments.GetRequiredValue(_panelType), arguments.GetValue(_targetError));
        long? limit = arguments.GetValue(_memory);
        using WeightsProvider weights = CreateWeightsProvider(arguments.GetRequiredValue(_weights));
        SessionOptions options = new()
        {
            ThreadCount = arguments.GetValue(_threads),
            Outputs = ChooseOutputs(model, arguments.GetValue(_outputs)),
            WeightsProvider = weights,
            ActivationElementType = ParseType(arguments.GetRequiredValue(_activationType)),
            PanelStore = CreatePanelStore(arguments.GetRequiredValue(_panelStore), arguments.GetRequiredValue(_panelType), null, cancellationToken),
            PlanOnly = true,
            Logger = new TerminalLogger(terminal),
        };
        options = ChoosePanelTypes(
            terminal, model, options, () => new InputTensors(model, [], dimensions, seed: 0, PictureOptions.Default).Create(_ => { }), targetError, cancellationToken);
        (PlanSummary plan, ProcessMemory memory) = Plan(model, options, types);
        UsageException? refusal = null;
        if (limit is { } allowed)
        {
            if (!memory.Allows(allowed, plan.SmallestBudgetBytes))
            {
                // What the model would need is told all the same, to those who read it with a program.
                refusal = memory.TooLittle(allowed, plan.SmallestBudgetBytes);
                if (!arguments.GetValue(_json))
                {
                    throw refusal;
                }
            }
            else
            {
                (plan, _) = Plan(model, options with { MemoryBudget = memory.BudgetFor(allowed) }, types);
            }
        }

        PlanLayerReport[] layers = [.. plan.Weights.Select(weight => PlanLayerReport.Of(weight, PanelTypeName(weight.PanelType), options.PanelStore.Formats))];
        if (refusal is null && arguments.GetValue(_image) is { } image)
        {
            if (Path.GetDirectoryName(image) is { Length: > 0 } folder)
            {
                Directory.CreateDirectory(folder);
            }

            PlanPicture.Write(image, ModelName(path), plan, memory.PeakFor(plan) - plan.PeakBytes, limit, targetError is null ? [] : layers);
        }

        PlanTimeReport? time = arguments.GetValue(_time)
            ? PlanTimeReport.Of(plan, MachineRates.Measure(options.PanelStore.ElementType, options.ThreadCount, WeightsFolder(path, plan), cancellationToken))
            : null;
        PlanReport report = new(
            [.. plan.Steps.Select(PlanStepReport.Of)],
            [.. plan.Parts.Select(PlanPartReport.Of)],
            plan.Flops,
            plan.WeightsBytes,
            plan.ArenaBytes,
            plan.ConstantBytes,
            plan.OperatorBytes,
            plan.WeightBufferBytes,
            plan.WindowBytes,
            plan.TensorBytes,
            plan.KeptPanelBytes,
            plan.PeakBytes,
            memory.PeakFor(plan),
            limit,
            memory.SmallestLimit(plan.SmallestBudgetBytes),
            plan.PanelStorePath,
            layers,
            options.PanelStore.Formats?.TargetError,
            options.PanelStore.Formats?.MeasuredError,
            time);
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            Print(report, arguments.GetValue(_all) ? int.MaxValue : arguments.GetValue(_top), terminal);
        }

        if (refusal is not null)
        {
            throw refusal;
        }
    }

    // Many models are called model.onnx: their folder tells more.
    private static string ModelName(string path)
    {
        path = HttpFiles.IsAddress(path) ? new Uri(path).AbsolutePath : path;
        string full = Path.GetFullPath(path);
        return Path.Combine(Path.GetFileName(Path.GetDirectoryName(full)) ?? "", Path.GetFileName(full));
    }

    // Where the weights of a run are read from: null for a server, whose rate is not known.
    private static string? WeightsFolder(string path, PlanSummary plan) =>
        File.Exists(plan.PanelStorePath) ? Path.GetDirectoryName(Path.GetFullPath(plan.PanelStorePath)) :
        HttpFiles.IsAddress(path) ? null :
        Directory.Exists(path) ? path : Path.GetDirectoryName(Path.GetFullPath(path));

    private static (PlanSummary Plan, ProcessMemory Memory) Plan(Model model, SessionOptions options, Dictionary<string, TensorType> types)
    {
        using InferenceSession session = new(model, options);
        PlanSummary plan = session.Plan(types);
        return (plan, ProcessMemory.Measure(plan.OperatorBytes, types.Values.Sum(type => type.ByteLength) + plan.OutputBytes));
    }

    private static void Print(PlanReport report, int top, Terminal terminal)
    {
        int[] byMemory = [.. Enumerable.Range(0, report.Steps.Count).OrderByDescending(i => report.Steps[i].LiveBytes).Take(top)];
        int[] byFlops = [.. Enumerable.Range(0, report.Steps.Count).OrderByDescending(i => report.Steps[i].Flops).Take(top)];
        int[] listed = [.. byMemory.Union(byFlops).Order()];
        if (listed.Length > 0)
        {
            Table table = new() { Border = TableBorder.Simple };
            table.AddColumn("step", column => column.RightAligned());
            table.AddColumns("node", "kernel", "shapes");
            foreach (string name in (string[])["operations", "panels", "weights", "live"])
            {
                table.AddColumn(name, column => column.RightAligned());
            }

            foreach (int i in listed)
            {
                PlanStepReport step = report.Steps[i];
                table.AddRow(
                    $"{i:N0}",
                    Markup.Escape(step.Node.Length > 0 ? step.Node : step.Operator),
                    Markup.Escape(step.Kernel),
                    Markup.Escape(step.Shapes),
                    step.Flops == 0 ? "" : Quantity.Flops(step.Flops),
                    step.Panels == 0 ? "" : $"{step.Panels:N0}",
                    step.WeightsBytes == 0 ? "" : Quantity.Bytes(step.WeightsBytes),
                    Quantity.Bytes(step.LiveBytes));
            }

            terminal.Write(table);
        }

        if (report.MeasuredError is not null)
        {
            PrintLayers(report.Layers, top, terminal);
        }

        string more = listed.Length < report.Steps.Count ? $", {listed.Length:N0} of them listed (--all lists all)" : "";
        terminal.Output.WriteLine($"steps       {report.Steps.Count:N0}{more}");
        if (report.Parts.Count > 1 || report.Parts.Any(part => part.Unknown is not null))
        {
            PrintParts(report.Parts, terminal);
        }

        terminal.Output.WriteLine($"operations  {Quantity.Flops(report.Flops)}");
        terminal.Output.WriteLine($"weights     {Quantity.Bytes(report.WeightsBytes)} streamed in a run{(report.PanelStore is { } store ? $" from {store}{(File.Exists(store) ? "" : ", which does not exist yet")}" : "")}");
        if (report.MeasuredError is { } error)
        {
            terminal.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"error       {error:0.#####} of the outputs' root mean square, measured when the types of panels were chosen; at most {report.TargetError} was asked for"));
        }

        terminal.Output.WriteLine($"arena       {Quantity.Bytes(report.ArenaBytes)}");
        terminal.Output.WriteLine($"constants   {Quantity.Bytes(report.ConstantBytes)}");
        terminal.Output.WriteLine($"operators   {Quantity.Bytes(report.OperatorBytes)}");
        terminal.Output.WriteLine($"buffers     {Quantity.Bytes(report.WeightBufferBytes)} that weights are copied into");
        terminal.Output.WriteLine($"window      {Quantity.Bytes(report.WindowBytes)} of weights at once, beside the buffers");
        if (report.TensorBytes > 0)
        {
            terminal.Output.WriteLine($"tensors     {Quantity.Bytes(report.TensorBytes)} between parts");
        }

        if (report.KeptPanelBytes > 0)
        {
            terminal.Output.WriteLine($"kept        {Quantity.Bytes(report.KeptPanelBytes)} of packed weights, from run to run");
        }

        terminal.Output.WriteLine($"memory      {Quantity.Bytes(report.PredictedPeakRssBytes)} predicted peak of the process, {Quantity.Bytes(report.PredictedPeakBytes)} of it native");
        terminal.Output.WriteLine($"smallest    --memory {report.SmallestBudgetBytes >> 20}MB");
        if (report.Time is { } time)
        {
            terminal.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"time        about {time.EstimatedS:0.00} s: {time.Explain()}"));
        }
    }

    // Those that add most to the error, and what all of one type come to.
    private static void PrintLayers(IReadOnlyList<PlanLayerReport> layers, int top, Terminal terminal)
    {
        HashSet<PlanLayerReport> listed = [.. layers.OrderByDescending(layer => layer.ErrorShare).ThenByDescending(layer => layer.Bytes).Take(top)];
        if (listed.Count > 0)
        {
            Table table = new() { Border = TableBorder.Simple };
            table.AddColumns("weight", "node", "type");
            table.AddColumn("panels", column => column.RightAligned());
            table.AddColumn("in the store", column => column.RightAligned());
            table.AddColumn("of the error", column => column.RightAligned());
            foreach (PlanLayerReport layer in layers.Where(listed.Contains))
            {
                table.AddRow(
                    Markup.Escape(layer.Weight), Markup.Escape(layer.Node), layer.Type, $"{layer.Panels:N0}", Quantity.Bytes(layer.Bytes),
                    layer.ErrorShare is { } share ? string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.0} %") : "");
            }

            terminal.Write(table);
        }

        foreach (IGrouping<string, PlanLayerReport> type in layers.GroupBy(layer => layer.Type).OrderByDescending(type => type.Sum(layer => layer.Bytes)))
        {
            terminal.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{type.Key,-11} {type.Count():N0} layers, {Quantity.Bytes(type.Sum(layer => layer.Bytes))}, {100 * type.Sum(layer => layer.ErrorShare ?? 0):0.0} % of the error"));
        }
    }

    private static void PrintParts(IReadOnlyList<PlanPartReport> parts, Terminal terminal)
    {
        terminal.Output.WriteLine($"parts       {parts.Count:N0}");
        foreach (PlanPartReport part in parts)
        {
            terminal.Output.WriteLine(part.Unknown is { } reason
                ? $"  {part.Name}: not known before it runs: {reason}"
                : $"  {part.Name}: {part.Steps:N0} steps, {Quantity.Bytes(part.SmallestBudgetBytes)} at least, {Quantity.Bytes(part.TensorBytes)} of them tensors of other parts{(part.Bound is { } bound ? $"; at most: {bound}" : "")}");
        }
    }
}
