using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Models;

namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>Measures engines with models, in turns, each turn in a process of its own.</summary>
/// <param name="options">What is compared.</param>
/// <param name="report">Is told of progress, a line at a time.</param>
internal sealed class Comparison(ComparisonOptions options, Action<string> report)
{
    private const double MebiByte = 1 << 20;

    // More tell no more about the middle of the runs.
    private const int MostRuns = 100;

    /// <summary>Measures all models.</summary>
    public IReadOnlyList<ModelResult> Run(CancellationToken cancellationToken)
    {
        // Made before anything is measured: writing gigabytes keeps the disk busy for a while.
        foreach (MeasuredModel model in options.Models)
        {
            model.Ensure(report, cancellationToken);
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("onnxstream-benchmarks-");
        try
        {
            return [.. options.Models.Select(model => Measure(model, folder.FullName, cancellationToken))];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private ModelResult Measure(MeasuredModel model, string folder, CancellationToken cancellationToken)
    {
        string path = model.Ensure(report, cancellationToken);
        string inputFolder = Directory.CreateDirectory(Path.Combine(folder, model.Name)).FullName;
        Workload workload = new(model.Name, path, model.InputFiles(inputFolder), options.Threads);
        List<EngineResult> results = [.. options.Engines.Select(engine => new EngineResult(engine))];
        ReadOnce(path);
        if (File.Exists(path + ".data"))
        {
            ReadOnce(path + ".data");
        }

        foreach (EngineResult result in results)
        {
            Prepare(result, workload, inputFolder, cancellationToken);
        }

        int runs = RunsInATurn(workload, inputFolder, cancellationToken);
        OutputSet? expected = null;
        using (BusyProcesses busy = new(options.BusyProcesses))
        {
            for (int round = 1; round <= options.Rounds; round++)
            {
                foreach (EngineResult result in results.Where(result => result.Failure is null))
                {
                    string description = $"{model.Name}, round {round} of {options.Rounds}, {result.Engine.Name}";
                    if (MeasureRound(result, workload, runs, inputFolder, description, cancellationToken) is not { } outputs)
                    {
                        continue;
                    }

                    if (result.Engine.Name == EngineCatalog.Baseline)
                    {
                        expected ??= outputs;
                    }
                    else if (expected is not null)
                    {
                        result.Error = outputs.RelativeErrorTo(expected);
                    }
                }
            }
        }

        List<BudgetResult> budgets = [.. options.Budgets.Select(budget => MeasureBudget(budget, workload, inputFolder, expected, cancellationToken))];
        return new ModelResult(model.Name, results, budgets);
    }

    // Some engines make a file of the model; what is measured is how they run when they have it.
    private void Prepare(EngineResult result, Workload workload, string folder, CancellationToken cancellationToken)
    {
        if (result.Engine.PreparedFile(workload) is not { } file)
        {
            return;
        }

        report($"{workload.Model}, preparing {result.Engine.Name}");
        MeasuredProcess process = MeasuredProcess.Run(result.Engine.CreateStartInfo(workload, 1, folder), cancellationToken);
        if (process.ExitCode != 0)
        {
            Fail(result, process);
        }
        else if (File.Exists(file))
        {
            // What was just made is still being written, which would slow down the first engine.
            using (FileStream written = new(file, FileMode.Open, FileAccess.ReadWrite))
            {
                written.Flush(flushToDisk: true);
            }

            ReadOnce(file);
        }
    }

    // As many as fill a turn, judged by the first engine.
    private int RunsInATurn(Workload workload, string folder, CancellationToken cancellationToken)
    {
        if (options.TurnS <= 0)
        {
            return options.Runs;
        }

        MeasuredProcess process = MeasuredProcess.Run(options.Engines[0].CreateStartInfo(workload, options.Runs + 1, folder), cancellationToken);
        return process.ExitCode != 0 ? options.Runs : Math.Clamp((int)(options.TurnS / EngineReport.Parse(process.Output).RunsS.Skip(1).Median()), options.Runs, Math.Max(options.Runs, MostRuns));
    }

    private OutputSet? MeasureRound(EngineResult result, Workload workload, int runs, string folder, string description, CancellationToken cancellationToken)
    {
        MeasuredProcess process = MeasuredProcess.Run(result.Engine.CreateStartInfo(workload, runs + 1, folder), cancellationToken);
        if (process.ExitCode != 0)
        {
            Fail(result, process);
            return null;
        }

        EngineReport engineReport = EngineReport.Parse(process.Output);
        result.Add(engineReport, process.PeakAnonymousBytes);
        report($"{description}: {result.Rounds[^1].Median():0.0000} s, {engineReport.PeakRssBytes / MebiByte:0} MiB");
        return new OutputSet(engineReport);
    }

    private BudgetResult MeasureBudget(int mebiBytes, Workload workload, string folder, OutputSet? expected, CancellationToken cancellationToken)
    {
        ToolEngine engine = new($"{mebiBytes} MiB", "", options.Tool, ["--memory", $"{mebiBytes}MB"]);
        MeasuredProcess process = MeasuredProcess.Run(engine.CreateStartInfo(workload, options.Runs + 1, folder), cancellationToken);
        if (process.ExitCode != 0)
        {
            string message = LastLine(process);
            report($"{workload.Model} in {mebiBytes} MiB: refused: {message}");
            return new BudgetResult(mebiBytes, null, null, null, process.ExitCode, message);
        }

        EngineReport engineReport = EngineReport.Parse(process.Output);
        double median = engineReport.RunsS.Skip(1).Median();
        report($"{workload.Model} in {mebiBytes} MiB: {median:0.000} s, {engineReport.PeakRssBytes / MebiByte:0} MiB");
        double? error = expected is null ? null : new OutputSet(engineReport).RelativeErrorTo(expected);
        return new BudgetResult(mebiBytes, median, engineReport.PeakRssBytes, error, process.ExitCode, null);
    }

    private void Fail(EngineResult result, MeasuredProcess process)
    {
        result.Failure = $"exit code {process.ExitCode}: {LastLine(process)}";
        report($"{result.Engine.Name}: {result.Failure}");
    }

    private static string LastLine(MeasuredProcess process) =>
        process.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault("no message");

    // So that the first engine does not wait for the disk on behalf of all others.
    private static void ReadOnce(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 0, FileOptions.SequentialScan);
        file.CopyTo(Stream.Null, 1 << 20);
    }
}
