using System.CommandLine;
using System.CommandLine.Parsing;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Reports;
using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary>What the program does unless told otherwise: compares engines with the networks of Stable Diffusion 1.5 and writes a report.</summary>
internal sealed class CompareCommand : RootCommand
{
    private const string QuickOutput = "artifacts/benchmarks";

    private readonly Option<string> _models = new("--models")
    {
        Description = "The networks, separated by commas.",
        HelpName = "NAME,...",
        DefaultValueFactory = _ => string.Join(',', Network.Published.Select(network => network.Name)),
    };

    private readonly Option<string> _engines = new("--engines")
    {
        Description = $"The engines, separated by commas: {string.Join(", ", EngineCatalog.Create("", "").Select(engine => engine.Name))}.",
        HelpName = "NAME,...",
        DefaultValueFactory = _ => string.Join(',', EngineCatalog.DefaultNames),
    };

    private readonly Option<string[]> _variants = new("--variant")
    {
        Description = "Another engine: this library with these options of `onnxstream run`, such as \"nocache=--weights nocache\". May be repeated.",
        HelpName = "NAME=OPTIONS",
    };

    private readonly Option<int> _rounds = NumberOption("--rounds", 3, 1, "How many times each engine has its turn.");

    private readonly Option<int> _runs = NumberOption("--runs", 3, 1, "Measured runs in a turn, after one that warms up.");

    private readonly Option<int> _threads = NumberOption("--threads", Environment.ProcessorCount, 1, "Threads that compute.");

    private readonly Option<bool> _quick = new("--quick")
    {
        Description = $"The text encoder only, two rounds of two runs, report in {QuickOutput}, unless those are given.",
    };

    private readonly Option<int> _busy = NumberOption("--busy", 0, 0, "Other processes that compute all the time meanwhile.");

    private readonly Option<string> _budgets = new("--budgets")
    {
        Description = "Memory budgets in MiB, separated by commas: each is given to `onnxstream run --memory`.",
        HelpName = "N,...",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<string> _tool = new("--tool")
    {
        Description = "The onnxstream tool.",
        HelpName = "FILE",
        DefaultValueFactory = _ => OperatingSystem.IsWindows() ? "artifacts/bin/OnnxStream.Interop.Cli/release/onnxstream.exe" : "artifacts/bin/onnxstream",
    };

    private readonly Option<string> _output = new("--output", "-o")
    {
        Description = "The folder of the report.",
        HelpName = "DIR",
        DefaultValueFactory = _ => "docs/benchmarks",
    };

    public CompareCommand()
        : base("Compares this library with ONNX Runtime: time, memory and outputs, on the networks of Stable Diffusion 1.5.")
    {
        foreach (Option option in (Option[])[_models, _engines, _variants, _rounds, _runs, _threads, _quick, _busy, _budgets, _tool, _output])
        {
            Add(option);
        }

        Add(new GenerateCommand());
        Add(new MicroCommand());
        Add(new OnnxRuntimeCommand());
        Add(new BusyCommand());
        SetAction((arguments, cancellationToken) =>
        {
            Execute(arguments, cancellationToken);
            return Task.FromResult(0);
        });
    }

    private void Execute(ParseResult arguments, CancellationToken cancellationToken)
    {
        bool isQuick = arguments.GetValue(_quick);
        T Choose<T>(Option<T> option, T quick) => isQuick && arguments.GetResult(option) is not { Implicit: false } ? quick : arguments.GetRequiredValue(option);

        ComparisonOptions options = new()
        {
            Networks = [.. Names(Choose(_models, "text_encoder")).Select(name => Find(Network.All, network => network.Name, name, "network"))],
            Engines = Engines(arguments),
            Cache = ModelCache.Default,
            Tool = arguments.GetRequiredValue(_tool),
            Rounds = Choose(_rounds, 2),
            Runs = Choose(_runs, 2),
            Threads = arguments.GetValue(_threads),
            BusyProcesses = arguments.GetValue(_busy),
            Budgets = [.. Names(arguments.GetRequiredValue(_budgets)).Select(text => int.TryParse(text, out int number) && number > 0 ? number : throw new ArgumentException($"--budgets: '{text}' is not a number of MiB."))],
        };
        if (!File.Exists(options.Tool))
        {
            throw new FileNotFoundException($"{options.Tool}: no such file. './build.sh build' makes the tool.");
        }

        // Taken before the benchmarks themselves load the machine.
        Machine machine = Machine.Current();
        IReadOnlyList<ModelResult> models = new Comparison(options, Console.Error.WriteLine).Run(cancellationToken);
        string command = string.Join(' ', ["./build.sh", "bench", .. arguments.Tokens.Select(token => token.Value.Contains(' ') ? $"\"{token.Value}\"" : token.Value)]);
        ComparisonReport report = new(machine, options, command, models);
        Console.WriteLine(report.Write(Choose(_output, QuickOutput)));
    }

    private List<Engine> Engines(ParseResult arguments)
    {
        string tool = arguments.GetRequiredValue(_tool);
        IReadOnlyList<Engine> all = EngineCatalog.Create(tool, Path.Combine(ModelCache.Default.Folder, "panels"));
        List<Engine> engines = [.. Names(arguments.GetRequiredValue(_engines)).Select(name => Find(all, engine => engine.Name, name, "engine"))];
        foreach (string variant in arguments.GetValue(_variants) ?? [])
        {
            int equals = variant.IndexOf('=');
            if (equals <= 0)
            {
                throw new ArgumentException($"--variant {variant}: NAME=OPTIONS was expected.");
            }

            string optionText = variant[(equals + 1)..];
            engines.Add(new ToolEngine(variant[..equals], $"this library with `{optionText}`", tool, [.. CommandLineParser.SplitCommandLine(optionText)]));
        }

        return engines;
    }

    private static string[] Names(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static T Find<T>(IReadOnlyList<T> all, Func<T, string> nameOf, string name, string kind) =>
        all.FirstOrDefault(item => nameOf(item) == name)
        ?? throw new ArgumentException($"There is no {kind} '{name}'; there are {string.Join(", ", all.Select(nameOf))}.");

    private static Option<int> NumberOption(string name, int defaultValue, int minimum, string description)
    {
        Option<int> option = new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => defaultValue };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < minimum)
            {
                result.AddError($"{name}: a whole number from {minimum} on was expected.");
            }
        });
        return option;
    }
}
