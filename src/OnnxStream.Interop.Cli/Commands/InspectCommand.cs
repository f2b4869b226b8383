using System.CommandLine;
using OnnxStream.Interop.Cli.Reports;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream inspect</c>: says what a model consists of, without reading its weights.</summary>
internal sealed class InspectCommand : ToolCommand
{
    private readonly Argument<string> _model = new("MODEL")
    {
        Description = "An .onnx file, or an OnnxStream folder with a model.txt; or the address of one (http://, https://), whose weights are streamed from there.",
    };

    private readonly Option<bool> _plan = new("--plan")
    {
        Description = "Also count the steps of the rewritten graph by kernel; every open dimension is 1.",
    };

    private readonly Option<bool> _json = JsonOption();

    public InspectCommand()
        : base("inspect", "Show a model's inputs, outputs, operators, parameters and operation count.")
    {
        Add(_model);
        Add(_plan);
        Add(_json);
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream inspect model.onnx",
        "onnxstream inspect unet_fp16 --json",
        "onnxstream inspect model.onnx --plan                    which nodes are fused, and how often are tensors transposed?",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string path = arguments.GetRequiredValue(_model);
        using OpenedModel opened = OpenedModel.Open(path);
        Model model = opened.Model;
        ModelSummary summary = model.Summarize();
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(new InspectReport(
                model.Format,
                Opset(model),
                [.. model.Inputs.Select(ValueReport.Of)],
                [.. model.OptionalInputs.Select(ValueReport.Of)],
                [.. model.Outputs.Select(ValueReport.Of)],
                [.. summary.Operators.Select(op => new OperatorReport(op.OperatorType, op.Count, op.IsSupported))],
                summary.ParameterCount,
                summary.WeightBytes,
                summary.FlopCount,
                arguments.GetValue(_plan) ? CountSteps(model) : null)));
        }
        else
        {
            Print(model, summary, terminal);
            if (arguments.GetValue(_plan))
            {
                Print(CountSteps(model), terminal);
            }
        }
    }

    private static List<StepCountReport> CountSteps(Model model)
    {
        using InferenceSession session = new(model, new SessionOptions { PlanOnly = true });
        return [.. session.Plan(InputTypes.Create(model.Inputs, new Dictionary<string, long>())).Steps.GroupBy(step => step.KernelName).Select(group => new StepCountReport(group.Key, group.Count())).OrderByDescending(count => count.Count).ThenBy(count => count.Kernel, StringComparer.Ordinal)];
    }

    private static void Print(List<StepCountReport> steps, Terminal terminal)
    {
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumn("kernel");
        table.AddColumn("steps", column => column.RightAligned());
        foreach (StepCountReport count in steps)
        {
            table.AddRow(Markup.Escape(count.Kernel), $"{count.Count:N0}");
        }

        table.AddRow("all", $"{steps.Sum(count => count.Count):N0}");
        terminal.Write(table);
    }

    // The version of ONNX's own operators; OnnxStream's format has none.
    private static long Opset(Model model) => model.OperatorSets.GetValueOrDefault("");

    private static void Print(Model model, ModelSummary summary, Terminal terminal)
    {
        terminal.Output.WriteLine($"format      {model.Format}{(Opset(model) is var opset and > 0 ? $", operator set {opset}" : "")}");
        terminal.Output.WriteLine($"parameters  {summary.ParameterCount:N0}");
        terminal.Output.WriteLine($"weights     {Quantity.Bytes(summary.WeightBytes)}");
        terminal.Output.WriteLine($"operations  {(summary.FlopCount is { } flops ? Quantity.Flops(flops) : "unknown: dimensions are open, shapes depend on data, or it cannot run")}");
        terminal.Output.WriteLine();
        Table values = new() { Border = TableBorder.Simple };
        values.AddColumns("", "name", "type", "shape");
        foreach ((string kind, ValueMetadata value) in model.Inputs.Select(value => ("input", value)).Concat(model.OptionalInputs.Select(value => ("input with default", value))).Concat(model.Outputs.Select(value => ("output", value))))
        {
            string shape = value.Dimensions is null ? "?" : $"[{string.Join(',', value.Dimensions)}]";
            values.AddRow(kind, Markup.Escape(value.Name), ValueReport.TypeName(value), Markup.Escape(shape));
        }

        terminal.Write(values);
        Table operators = new() { Border = TableBorder.Simple };
        operators.AddColumn("operator");
        operators.AddColumn("count", column => column.RightAligned());
        operators.AddColumn("");
        foreach (OperatorCount op in summary.Operators)
        {
            operators.AddRow(Markup.Escape(op.OperatorType), $"{op.Count:N0}", op.IsSupported ? "" : "not supported");
        }

        operators.AddRow("all", $"{summary.Operators.Sum(op => op.Count):N0}", "");
        terminal.Write(operators);
    }
}
