using System.CommandLine;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Fuzzing.Targets;

namespace OnnxStream.Interop.Fuzzing;

/// <summary>Mutates the files that the library reads, and says which of them do what none may do. <c>docs/reliability.md</c> tells more.</summary>
internal static class Program
{
    /// <summary>The verb that makes this process the one that tries files.</summary>
    public const string WorkerVerb = "worker";

    private const int Success = 0;
    private const int Failure = 1;

    private static int Main(string[] arguments)
    {
        Option<int> files = new("--files") { Description = "How many files are tried.", DefaultValueFactory = _ => 10_000 };
        Option<int> seed = new("--seed") { Description = "The seed of the first file; the next ones follow." };
        Option<double> limit = new("--limit") { Description = "The seconds that a file may take; what can be cancelled is, after a tenth of them.", DefaultValueFactory = _ => 10 };
        Option<string?> target = new("--target") { Description = $"What is mutated (all): {string.Join(", ", FuzzTargets.All.Select(item => item.Name))}." };
        Option<string?> keep = new("--keep") { Description = "Tries one file in this process, and leaves it in this folder." };
        RootCommand root = new("Mutates the files that the library reads, and says which of them do what none may do.") { files, seed, limit, target, keep };
        Command worker = new(WorkerVerb, "Tries files in this process.") { files, seed, limit, target };
        worker.Hidden = true;
        root.Subcommands.Add(worker);
        worker.SetAction(result => new Worker(Target(result.GetValue(target)), TimeSpan.FromSeconds(result.GetValue(limit)), Console.Out)
            .Run(result.GetValue(seed), result.GetValue(files), keptFolder: null));
        root.SetAction(result =>
        {
            FuzzTarget? chosen = Target(result.GetValue(target));
            TimeSpan time = TimeSpan.FromSeconds(result.GetValue(limit));
            if (result.GetValue(keep) is { } folder)
            {
                new Worker(chosen, time, Console.Out).Run(result.GetValue(seed), 1, folder);
                return Success;
            }

            return Run(new Fuzzer(chosen, time) { Failed = Report, Progress = Report }, result.GetValue(seed), result.GetValue(files));
        });
        return root.Parse(arguments).Invoke();
    }

    private static int Run(Fuzzer fuzzer, int seed, int files)
    {
        using CancellationTokenSource cancellation = new();

        // A signal ends the process that tries files, and what was found is still said.
        void Cancel(PosixSignalContext context)
        {
            context.Cancel = true;
            cancellation.Cancel();
        }

        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
        FuzzReport report = fuzzer.Run(seed, files, cancellation.Token);
        Console.WriteLine(report);
        return report.Failures.Count == 0 ? Success : Failure;
    }

    private static void Report(Failure failure) => Console.WriteLine($"{failure}\n");

    private static void Report(FuzzReport report)
    {
        const int Interval = 1000;
        if (report.Files % Interval == 0)
        {
            Console.Error.WriteLine($"{DateTime.Now:HH:mm:ss} {report.Files:N0} files, {report.Failures.Count} failures");
        }
    }

    private static FuzzTarget? Target(string? name) =>
        name is null ? null : FuzzTargets.Find(name) ?? throw new ArgumentException($"There is no target '{name}'. There are: {string.Join(", ", FuzzTargets.All.Select(item => item.Name))}.");
}
