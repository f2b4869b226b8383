using System.Globalization;
using System.Text;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;

namespace OnnxStream.Interop.Benchmarks.Reports;

/// <summary>Writes what was measured: a page of tables and two pictures.</summary>
/// <param name="Machine">What was measured on.</param>
/// <param name="Options">What was compared.</param>
/// <param name="Command">The command that did it.</param>
/// <param name="Models">What was measured.</param>
internal sealed record ComparisonReport(Machine Machine, ComparisonOptions Options, string Command, IReadOnlyList<ModelResult> Models)
{
    private const double MebiByte = 1 << 20;
    private const double GibiByte = 1 << 30;

    /// <summary>What follows the processor's name in the names of files; empty for nothing.</summary>
    public string Suffix { get; init; } = "";

    /// <summary>Whether there are pictures beside the page. Those of many models would be too wide.</summary>
    public bool HasPictures { get; init; } = true;

    // A busy machine's numbers stand beside those of a quiet one.
    private string FileName => $"{Machine.Slug}{Suffix}{(Options.BusyProcesses == 0 ? "" : $"-busy-{Options.BusyProcesses}")}";

    /// <summary>Writes the page and the pictures.</summary>
    /// <param name="folder">Where they go.</param>
    /// <returns>The path of the page.</returns>
    public string Write(string folder)
    {
        Directory.CreateDirectory(folder);
        string time = $"{FileName}-time.png";
        string memory = $"{FileName}-memory.png";
        bool hasRatios = HasPictures && ComparisonPlots.WriteTime(Path.Combine(folder, time), Models);
        bool hasMemory = HasPictures && ComparisonPlots.WriteMemory(Path.Combine(folder, memory), Models);
        string path = Path.Combine(folder, $"{FileName}.md");
        File.WriteAllText(path, ToMarkdown(hasRatios ? time : null, hasMemory ? memory : null));
        return path;
    }

    /// <summary>The page.</summary>
    /// <param name="timePicture">The file of the picture of times; null for none.</param>
    /// <param name="memoryPicture">The file of the picture of memory; null for none.</param>
    public string ToMarkdown(string? timePicture, string? memoryPicture)
    {
        StringBuilder text = new();
        void Line(string line = "") => text.Append(line).Append('\n');

        Line($"# Benchmarks: {Machine.Processor}{(Options.BusyProcesses == 0 ? "" : $", {Options.BusyProcesses} other processes computing")}");
        Line();
        Line("| | |");
        Line("|---|---|");
        Line($"| processor | {Machine.Processor}, {Machine.Cores} logical cores |");
        Line($"| memory | {Machine.MemoryBytes / GibiByte:0.0} GiB |");
        Line($"| system | {Cell(Machine.OperatingSystem)} |");
        Line($"| runtime | {Machine.Runtime} |");
        Line($"| library | {Machine.Library} |");
        if (Machine.Load is { } load)
        {
            Line($"| load before | {load:0.0} processes computing on average (five minutes) |");
        }

        Line($"| command | `{Command}` |");
        Line();
        string turn = Options.TurnS > 0 ? $"{Options.TurnS:0.#} seconds of measured runs, {Options.Runs} or more," : Count(Options.Runs, "measured run");
        Line($"{Options.Subject} Each engine runs in a process of its own, in turns: {Count(Options.Rounds, "round")} of {turn} after one that warms up, "
            + $"{Count(Options.Threads, "thread")}, files in the page cache.");
        Line();
        foreach (Engine engine in Options.Engines)
        {
            Line($"* `{engine.Name}`: {engine.Description}");
        }

        Line();
        Line("| model | engine | median s | best s | ratio | peak MiB | anonymous MiB | error |");
        Line("|---|---|---|---|---|---|---|---|");
        foreach (ModelResult model in Models)
        {
            foreach (EngineResult result in model.Engines)
            {
                Line(result.Failure is { } failure
                    ? $"| {model.Model} | `{result.Engine.Name}` | {Cell(failure)} | | | | | |"
                    : $"| {model.Model} | `{result.Engine.Name}` | {Seconds(result.MedianS)} | {Seconds(result.BestS)} | {Ratio(result, model.Baseline)} | {Mebi(result.PeakRssBytes)} | {Mebi(result.PeakAnonymousBytes)} | {Scientific(result.Error)} |");
            }
        }

        Line();
        Line($"Ratio: the time divided by that of `{EngineCatalog.Baseline}` in the same round, median (least to most). Peak: resident memory of the whole process; "
            + "anonymous: the part of it that is not pages of files, sampled, which the system cannot take back without swapping. "
            + $"Error: the root mean square of the difference from the outputs of `{EngineCatalog.Baseline}`, divided by that of its outputs.");
        foreach ((string? picture, string alternative) in new[] { (timePicture, "Time of each engine"), (memoryPicture, "Peak memory of each engine") })
        {
            if (picture is not null)
            {
                Line();
                Line($"![{alternative}]({picture})");
            }
        }

        if (Options.Budgets.Count > 0)
        {
            Line();
            Line("## Within a memory budget");
            Line();
            Line("`onnxstream run MODEL --memory BUDGET`, without kept weights.");
            Line();
            Line("| model | budget MiB | median s | peak MiB | error | |");
            Line("|---|---|---|---|---|---|");
            foreach (ModelResult model in Models)
            {
                foreach (BudgetResult budget in model.Budgets)
                {
                    string median = budget.MedianS is { } seconds ? Seconds(seconds) : "";
                    string remark = budget.ExitCode == 0 ? "" : $"refused (exit code {budget.ExitCode}): {Cell(budget.Message ?? "")}";
                    Line($"| {model.Model} | {budget.MebiBytes} | {median} | {Mebi(budget.PeakRssBytes)} | {Scientific(budget.Error)} | {remark} |");
                }
            }
        }

        return text.ToString();
    }

    private static string Ratio(EngineResult result, EngineResult? baseline)
    {
        if (baseline is null || ReferenceEquals(result, baseline))
        {
            return baseline is null ? "" : "1";
        }

        IReadOnlyList<double> ratios = result.RatiosTo(baseline);
        return ratios.Count == 1 ? $"{ratios[0]:0.00}" : $"{ratios.Median():0.00} ({ratios.Min():0.00} to {ratios.Max():0.00})";
    }

    // To three digits, about.
    private static string Seconds(double seconds) => seconds.ToString(seconds < 0.1 ? "0.0000" : "0.000", CultureInfo.InvariantCulture);

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    private static string Mebi(long? bytes) => bytes is { } value ? $"{value / MebiByte:N0}" : "";

    private static string Scientific(double? value) => value is { } number ? $"{number:0.0e+0}" : "";

    private static string Cell(string text) => text.Replace("|", "\\|").Replace('\n', ' ');
}
