using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Language;
using OnnxStream.Interop.Benchmarks.Reports;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary><c>language</c>: compares engines with decoders in 4 bits, and writes a report.</summary>
internal sealed class LanguageCommand : Command
{
    private const string Peers = "tests/OnnxStream.Interop.Benchmarks.Peers";

    private readonly Option<string> _models = new("--models") { Description = "The decoders, separated by commas: 1.1b, 7b.", HelpName = "NAME,...", DefaultValueFactory = _ => "1.1b" };

    private readonly Option<string> _engines = new("--engines")
    {
        Description = $"The engines, separated by commas: {string.Join(", ", LanguageEngine.Names)}.",
        HelpName = "NAME,...",
        DefaultValueFactory = _ => string.Join(',', LanguageEngine.Names),
    };

    private readonly Option<int> _prompt = ComparisonArguments.Number("--prompt-tokens", 128, 1, "The tokens of the prompt.");

    private readonly Option<int> _tokens = ComparisonArguments.Number("--gen-tokens", 32, 1, "The tokens that are made one by one.");

    private readonly Option<int> _repetitions = ComparisonArguments.Number("--repetitions", 3, 1, "How often both are measured in a turn, after one time that is not.");

    private readonly Option<int> _rounds = ComparisonArguments.Number("--rounds", 4, 1, "How many times each engine has its turn.");

    private readonly Option<int> _threads = ComparisonArguments.Number("--threads", Environment.ProcessorCount, 1, "Threads that compute.");

    private readonly Option<string> _tool = new("--tool") { Description = "The onnxstream tool.", HelpName = "FILE", DefaultValueFactory = _ => "artifacts/bin/onnxstream" };

    private readonly Option<string> _output = new("--output", "-o") { Description = "The folder of the report.", HelpName = "DIR", DefaultValueFactory = _ => "docs/benchmarks" };

    public LanguageCommand()
        : base("language", "Compare decoders in 4 bits with llama.cpp and ONNX Runtime GenAI: prompts, tokens, memory.")
    {
        foreach (Option option in (Option[])[_models, _engines, _prompt, _tokens, _repetitions, _rounds, _threads, _tool, _output])
        {
            Add(option);
        }

        SetAction((arguments, cancellationToken) =>
        {
            Execute(arguments, cancellationToken);
            return Task.FromResult(0);
        });
    }

    private void Execute(ParseResult arguments, CancellationToken cancellationToken)
    {
        LanguageEngine[] all = [.. LanguageEngine.Create(arguments.GetRequiredValue(_tool), $"artifacts/bin/{Path.GetFileName(Peers)}/release/{Path.GetFileName(Peers)}.dll")];
        LanguageEngine[] engines = [.. ComparisonArguments.Names(arguments.GetRequiredValue(_engines)).Select(name => Find(all, engine => engine.Name, name, "engine"))];
        LanguageFiles[] models = [.. ComparisonArguments.Names(arguments.GetRequiredValue(_models)).Select(name => Find(LanguageFiles.All, files => files.Name, name, "decoder"))];
        LanguageOptions options = new(arguments.GetValue(_prompt), arguments.GetValue(_tokens), arguments.GetValue(_repetitions), arguments.GetValue(_rounds), arguments.GetValue(_threads));
        BuildPeers(cancellationToken);
        foreach (LanguageFiles files in models)
        {
            files.Ensure(Console.Error.WriteLine, cancellationToken);
        }

        // Taken before the benchmarks themselves load the machine.
        Machine machine = Machine.Current();
        List<(string Model, IReadOnlyList<LanguageResult> Results)> results = [.. models.Select(files => (files.Name, Measure(files, engines, options, cancellationToken)))];
        Console.WriteLine(new LanguageReport(machine, options, ComparisonArguments.CommandLine(arguments), results).Write(arguments.GetRequiredValue(_output)));
    }

    private static LanguageResult[] Measure(LanguageFiles files, LanguageEngine[] engines, LanguageOptions options, CancellationToken cancellationToken)
    {
        LanguageResult[] results = [.. engines.Select(engine => new LanguageResult(engine))];
        for (int round = 1; round <= options.Rounds; round++)
        {
            foreach (LanguageResult result in results.Where(result => result.Failure is null))
            {
                MeasuredProcess process = MeasuredProcess.Run(result.Engine.CreateStartInfo(files, options), cancellationToken);
                if (process.ExitCode != 0)
                {
                    result.Failure = $"exit code {process.ExitCode}: {process.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault("no message")}";
                    Console.Error.WriteLine($"{result.Engine.Name}: {result.Failure}");
                    continue;
                }

                result.Add(LanguageMeasurement.Parse(process.Output), options, process.PeakAnonymousBytes);
                Console.Error.WriteLine($"{files.Name}, round {round} of {options.Rounds}, {result.Engine.Name}: prompt {result.PromptRates[^1]:0.0}, tokens {result.TokenRates[^1]:0.00} a second");
            }
        }

        return results;
    }

    private static void BuildPeers(CancellationToken cancellationToken)
    {
        Console.Error.WriteLine($"building {Peers} (its packages take 420 MB, once)");
        MeasuredProcess process = MeasuredProcess.Run(new ProcessStartInfo("dotnet", ["build", Peers, "-c", "Release", "-v", "quiet", "-nodeReuse:false"]), cancellationToken);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{Peers} could not be built: {process.Output.Trim()}");
        }
    }

    private static T Find<T>(IReadOnlyList<T> all, Func<T, string> nameOf, string name, string kind) =>
        all.FirstOrDefault(item => nameOf(item) == name) ?? throw new ArgumentException($"There is no {kind} '{name}'; there are {string.Join(", ", all.Select(nameOf))}.");
}
