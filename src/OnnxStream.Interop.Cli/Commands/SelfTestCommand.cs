using System.CommandLine;
using System.Numerics;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Cli.SelfTests;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream selftest</c>: compares every family of kernels with plain arithmetic, on the machine at hand.</summary>
internal sealed class SelfTestCommand : ToolCommand
{
    private readonly Option<string[]> _families = new("--only")
    {
        Description = "Only the families whose names contain one of these texts.",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<bool> _json = JsonOption();

    public SelfTestCommand()
        : base("selftest", "Check that every family of kernels computes correctly on this machine.")
    {
        foreach (Option option in (Option[])[_families, _threads, _json])
        {
            Add(option);
        }
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream selftest                     one line for each family; exit code 1 if one fails",
        "onnxstream selftest --only convolution  only the families of convolutions",
        "onnxstream selftest --json",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string[] names = arguments.GetValue(_families) ?? [];
        SelfTestFamily[] families =
        [
            .. SelfTestFamilies.All.Where(family => names.Length == 0 || names.Any(name => family.Name.Contains(name, StringComparison.OrdinalIgnoreCase))),
        ];
        if (families.Length == 0)
        {
            throw new UsageException($"--only {string.Join(' ', names)}: no family has such a name. The families are: {string.Join("; ", SelfTestFamilies.All.Select(family => family.Name))}.");
        }

        int threads = arguments.GetValue(_threads);
        List<SelfTestResult> results = [];
        using (UnfinishedPath folder = new(CreateFolder()))
        {
            foreach (SelfTestFamily family in families)
            {
                cancellationToken.ThrowIfCancellationRequested();
                results.Add(SelfTest.Run(family, threads, folder.Path, cancellationToken));
            }
        }

        SelfTestReport report = new(
            CommandLine.Version,
            RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
            Processor.InstructionSets,
            8 * Vector<byte>.Count,
            Processor.MatrixKernels,
            [
                .. results.Select(result => new SelfTestFamilyReport(
                    result.Family.Name, double.IsFinite(result.Error) ? result.Error : null, result.Worst, result.Family.Tolerance, result.Problem is null, result.Problem, Seconds(result.Duration))),
            ],
            results.Count(result => result.Problem is not null));
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            Print(report, terminal);
        }

        if (report.Failed > 0)
        {
            throw new SelfTestException($"{report.Failed} of {results.Count} families of kernels failed on this machine. Please report this, with the lines above.");
        }
    }

    private static void Print(SelfTestReport report, Terminal terminal)
    {
        terminal.Output.WriteLine($"version       {report.Version}");
        terminal.Output.WriteLine($"processor     {report.Processor}");
        terminal.Output.WriteLine($"instructions  {string.Join(' ', report.InstructionSets)}");
        terminal.Output.WriteLine($"vectors       {report.VectorBits} bits");
        foreach ((string type, string kernel) in report.MatrixKernels)
        {
            terminal.Output.WriteLine($"{type,-13} {kernel}");
        }

        Table table = new() { Border = TableBorder.Simple };
        table.AddColumn("kernels");
        table.AddColumn("error", column => column.RightAligned());
        table.AddColumn("tolerance", column => column.RightAligned());
        table.AddColumn("");
        table.AddColumn("time", column => column.RightAligned());
        table.AddColumn("worst in");
        foreach (SelfTestFamilyReport family in report.Families)
        {
            table.AddRow(family.Name, family.Error is { } error ? $"{error:0.0e+0}" : "none", $"{family.Tolerance:0.0e+0}", family.Ok ? "ok" : "FAILED", Quantity.Seconds(family.Seconds), Markup.Escape(family.Worst?.Split(' ')[0] ?? ""));
        }

        terminal.Write(table);
        foreach (SelfTestFamilyReport family in report.Families.Where(family => !family.Ok))
        {
            terminal.Output.WriteLine($"{family.Name}: {family.Problem}");
        }

        terminal.Output.WriteLine($"{report.Families.Count - report.Failed} ok, {report.Failed} failed");
    }

    private static string CreateFolder()
    {
        try
        {
            return Directory.CreateTempSubdirectory("onnxstream-selftest-").FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{Path.GetTempPath()}: the folder for temporary files is not there, or cannot be written to ({exception.Message.TrimEnd('.')}). TMPDIR names another one.", exception);
        }
    }
}
