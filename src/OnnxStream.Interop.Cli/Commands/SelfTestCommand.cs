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

    private readonly Option<bool> _speed = new("--speed")
    {
        Description = "Measure how quick kernels are instead, and which part of this machine's peak that is.",
    };

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<bool> _json = JsonOption();

    public SelfTestCommand()
        : base("selftest", "Check that every family of kernels computes correctly on this machine.")
    {
        foreach (Option option in (Option[])[_families, _speed, _threads, _json])
        {
            Add(option);
        }
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream selftest                     one line for each family; exit code 1 if one fails",
        "onnxstream selftest --only convolution  only the families of convolutions",
        "onnxstream selftest --speed             the rate of each family, and the fraction of the peak that was measured here",
        "onnxstream selftest --json",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string[] names = arguments.GetValue(_families) ?? [];
        int threads = arguments.GetValue(_threads);
        if (arguments.GetValue(_speed))
        {
            MeasureSpeed(Choose(SpeedFamilies.All, family => family.Name, names), threads, arguments.GetValue(_json), terminal, cancellationToken);
            return;
        }

        SelfTestFamily[] families = Choose(SelfTestFamilies.All, family => family.Name, names);
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

    private static T[] Choose<T>(IReadOnlyList<T> all, Func<T, string> name, string[] parts)
    {
        T[] chosen = [.. all.Where(family => parts.Length == 0 || parts.Any(part => name(family).Contains(part, StringComparison.OrdinalIgnoreCase)))];
        return chosen.Length > 0
            ? chosen
            : throw new UsageException($"--only {string.Join(' ', parts)}: no family has such a name. The families are: {string.Join("; ", all.Select(name))}.");
    }

    private static void MeasureSpeed(SpeedFamily[] families, int threads, bool isJson, Terminal terminal, CancellationToken cancellationToken)
    {
        ProcessorLimits limits = ProcessorLimits.Measure(threads);
        List<SpeedFamilyReport> measured = [];
        using (UnfinishedPath folder = new(CreateFolder()))
        {
            foreach (SpeedFamily family in families)
            {
                cancellationToken.ThrowIfCancellationRequested();
                SpeedResult result = SpeedTest.Run(family, threads, folder.Path, cancellationToken);
                bool isMemory = family.Limit == SpeedLimit.Memory;
                measured.Add(new SpeedFamilyReport(
                    family.Name, Math.Round(result.Rate / 1e9, 2), isMemory ? "GB/s" : "GFLOPS", Math.Round(result.Rate / (isMemory ? limits.Bytes : limits.Operations), 3), Seconds(result.Duration)));
            }
        }

        SpeedReport report = new(
            CommandLine.Version, RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(), Processor.InstructionSets, threads == 0 ? Environment.ProcessorCount : threads,
            Math.Round(limits.Operations / 1e9, 1), Math.Round(limits.Bytes / 1e9, 1), measured);
        if (isJson)
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
            return;
        }

        terminal.Output.WriteLine($"version       {report.Version}");
        terminal.Output.WriteLine($"processor     {report.Processor}, {report.Threads} threads");
        terminal.Output.WriteLine($"instructions  {string.Join(' ', report.InstructionSets)}");
        terminal.Output.WriteLine($"peak          {report.PeakGflops:0} GFLOPS in single precision");
        terminal.Output.WriteLine($"memory        {report.MemoryGbPerSecond:0.0} GB/s");
        Table table = new() { Border = TableBorder.Simple };
        table.AddColumn("kernels");
        table.AddColumn("rate", column => column.RightAligned());
        table.AddColumn("");
        table.AddColumn("of the limit", column => column.RightAligned());
        table.AddColumn("time", column => column.RightAligned());
        foreach (SpeedFamilyReport family in report.Families)
        {
            table.AddRow(family.Name, $"{family.Rate:0.0}", family.Unit, $"{family.Fraction:0.00}", Quantity.Seconds(family.Seconds));
        }

        terminal.Write(table);
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
