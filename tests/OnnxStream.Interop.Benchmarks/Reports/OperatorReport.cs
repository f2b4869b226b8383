using System.Text;
using OnnxStream.Interop.Benchmarks.Operators;

namespace OnnxStream.Interop.Benchmarks.Reports;

/// <summary>Writes what single nodes took: a page with a table for each group.</summary>
/// <param name="Machine">What was measured on.</param>
/// <param name="Command">The command that did it.</param>
/// <param name="Rounds">How many times each engine had its turn.</param>
/// <param name="Threads">The threads that computed.</param>
/// <param name="Date">When.</param>
/// <param name="Results">What was measured.</param>
internal sealed record OperatorReport(Machine Machine, string Command, int Rounds, int Threads, DateOnly Date, IReadOnlyList<OperatorResult> Results)
{
    /// <summary>The name of the page.</summary>
    public const string FileName = "operators.md";

    /// <summary>The quotient of times that no node shall be above.</summary>
    public const double Limit = 1.5;

    /// <summary>Writes the page.</summary>
    /// <param name="folder">Where it goes.</param>
    /// <returns>Its path.</returns>
    public string Write(string folder)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, FileName);
        File.WriteAllText(path, ToMarkdown());
        return path;
    }

    /// <summary>The page.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        void Line(string line = "") => text.Append(line).Append('\n');

        List<OperatorResult> measured = [.. Results.Where(result => result.Failure is null)];
        List<OperatorResult> above = [.. measured.Where(result => result.BestRatio > Limit).OrderByDescending(result => result.BestRatio)];
        Line("# Benchmarks: single operators");
        Line();
        Line("| | |");
        Line("|---|---|");
        Line($"| processor | {Machine.Processor}, {Machine.Cores} logical cores |");
        Line($"| date | {Date:yyyy-MM-dd} |");
        Line($"| runtime | {Machine.Runtime} |");
        Line($"| library | {Machine.Library} |");
        if (Machine.Load is { } load)
        {
            Line($"| load before | {load:0.0} processes computing on average (five minutes) |");
        }

        Line($"| command | `{Command}` |");
        Line();
        Line($"One node at a time, about a million elements, {Threads} threads, in one process: {Rounds} rounds in which ONNX Runtime and this library take turns. "
            + "Times are those of the best run, and of computing alone: inputs and outputs are copied before and after. *run* is all of this library's "
            + "`InferenceSession.Run`, with those copies. The ratio is that of the best times, and in brackets the median of the rounds.");
        Line();
        Line($"{measured.Count} nodes were measured. {measured.Count - above.Count} take at most {Limit} of ONNX Runtime's time, {above.Count} take more{(above.Count == 0 ? "." : ":")}");
        if (above.Count > 0)
        {
            Line();
            foreach (OperatorResult result in above)
            {
                Line($"* {result.Case.Name}: {result.BestRatio:0.00}");
            }
        }

        foreach (IGrouping<string, OperatorResult> group in Results.GroupBy(result => result.Case.Group))
        {
            Line();
            Line($"## {group.Key}");
            Line();
            Line("| node | ONNX Runtime ms | this library ms | run ms | ratio |");
            Line("|---|---|---|---|---|");
            foreach (OperatorResult result in group)
            {
                Line(result.Failure is { } failure
                    ? $"| {result.Case.Name} | {failure.Replace("|", "\\|")} | | | |"
                    : $"| {result.Case.Name} | {result.BaselineS * 1000:0.000} | {result.StepsS * 1000:0.000} | {result.RunS * 1000:0.000} | {result.BestRatio:0.00} ({result.MedianRatio:0.00}) |");
            }
        }

        return text.ToString();
    }
}
