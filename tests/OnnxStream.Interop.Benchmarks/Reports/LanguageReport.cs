using System.Text;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Language;

namespace OnnxStream.Interop.Benchmarks.Reports;

/// <summary>Writes what decoders took: a page with one table.</summary>
/// <param name="Machine">What was measured on.</param>
/// <param name="Options">What was measured.</param>
/// <param name="Command">The command that did it.</param>
/// <param name="Models">The results of each decoder.</param>
internal sealed record LanguageReport(Machine Machine, LanguageOptions Options, string Command, IReadOnlyList<(string Model, IReadOnlyList<LanguageResult> Results)> Models)
{
    private const double MebiByte = 1 << 20;

    /// <summary>Writes the page.</summary>
    /// <param name="folder">Where it goes.</param>
    /// <returns>Its path.</returns>
    public string Write(string folder)
    {
        Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, $"{Machine.Slug}-language.md");
        File.WriteAllText(path, ToMarkdown());
        return path;
    }

    /// <summary>The page.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        void Line(string line = "") => text.Append(line).Append('\n');

        Line($"# Benchmarks: language models, {Machine.Processor}");
        Line();
        Line("| | |");
        Line("|---|---|");
        Line($"| processor | {Machine.Processor}, {Machine.Cores} logical cores |");
        Line($"| system | {Machine.OperatingSystem} |");
        Line($"| runtime | {Machine.Runtime} |");
        Line($"| library | {Machine.Library} |");
        if (Machine.Load is { } load)
        {
            Line($"| load before | {load:0.0} processes computing on average (five minutes) |");
        }

        Line($"| command | `{Command}` |");
        Line();
        Line($"Decoders with random weights of 4 bits, the same numbers in a GGUF file (Q4_0) and in a folder of ONNX Runtime GenAI. Each engine runs in a process of its own, in turns: {Options.Rounds} rounds of "
            + $"{Options.Repetitions} prompts of {Options.PromptTokens} tokens and {Options.Repetitions} times {Options.Tokens} tokens one by one, after one of each that warms up, {Options.Threads} threads, files in the page cache.");
        Line();
        foreach (LanguageEngine engine in Models[0].Results.Select(result => result.Engine))
        {
            Line($"* `{engine.Name}`: {engine.Description}");
        }

        Line();
        Line("| decoder | engine | prompt tokens/s | ratio | tokens/s | ratio | peak MiB | anonymous MiB |");
        Line("|---|---|---|---|---|---|---|---|");
        foreach ((string model, IReadOnlyList<LanguageResult> results) in Models)
        {
            LanguageResult? baseline = results.FirstOrDefault(result => result.Engine.Name == LanguageEngine.Baseline && result.Failure is null);
            foreach (LanguageResult result in results)
            {
                Line(result.Failure is { } failure
                    ? $"| {model} | `{result.Engine.Name}` | {failure.Replace("|", "\\|")} | | | | | |"
                    : $"| {model} | `{result.Engine.Name}` | {result.PromptRates.Median():0.0} | {Ratio(result.PromptRates, baseline?.PromptRates)} | {result.TokenRates.Median():0.00} | {Ratio(result.TokenRates, baseline?.TokenRates)} "
                        + $"| {result.PeakRssBytes / MebiByte:N0} | {(result.PeakAnonymousBytes is { } bytes ? $"{bytes / MebiByte:N0}" : "")} |");
            }
        }

        Line();
        Line($"Rates are medians; more is better. Ratio: the rate divided by that of `{LanguageEngine.Baseline}` in the same round, median (least to most). Peak: resident memory of the whole process; "
            + "anonymous: the part of it that is not pages of files, sampled, which the system cannot take back without swapping.");
        return text.ToString();
    }

    private static string Ratio(List<double> rates, List<double>? baseline)
    {
        if (baseline is null || ReferenceEquals(rates, baseline))
        {
            return baseline is null ? "" : "1";
        }

        double[] ratios = [.. rates.Zip(baseline, (own, other) => own / other)];
        return $"{ratios.Median():0.00} ({ratios.Min():0.00} to {ratios.Max():0.00})";
    }
}
