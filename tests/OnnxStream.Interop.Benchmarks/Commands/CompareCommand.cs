using System.CommandLine;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Reports;
using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary>What the program does unless told otherwise: compares engines with the networks of Stable Diffusion 1.5 and writes a report.</summary>
internal sealed class CompareCommand : RootCommand
{
    private const string QuickOutput = "artifacts/benchmarks";

    private readonly ComparisonArguments _comparison = new(Network.Published.Select(network => network.Name), EngineCatalog.DefaultNames);

    private readonly Option<bool> _quick = new("--quick")
    {
        Description = $"The text encoder only, two rounds of two runs, report in {QuickOutput}, unless those are given.",
    };

    private readonly Option<int> _busy = ComparisonArguments.Number("--busy", 0, 0, "Other processes that compute all the time meanwhile.");

    private readonly Option<string> _budgets = new("--budgets")
    {
        Description = "Memory budgets in MiB, separated by commas: each is given to `onnxstream run --memory`.",
        HelpName = "N,...",
        DefaultValueFactory = _ => "",
    };

    public CompareCommand()
        : base("Compares this library with ONNX Runtime: time, memory and outputs, on the networks of Stable Diffusion 1.5.")
    {
        _comparison.AddTo(this);
        foreach (Option option in (Option[])[_quick, _busy, _budgets])
        {
            Add(option);
        }

        Add(new ArchitecturesCommand());
        Add(new GenerateCommand());
        Add(new MicroCommand());
        Add(new OperatorsCommand());
        Add(new QuantizedCommand());
        Add(new LanguageCommand());
        Add(new ServeCommand());
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
            Subject = "The networks of Stable Diffusion 1.5 with random weights, 512x512, float32.",
            Models = ComparisonArguments.Choose(Sd15Model.All, Choose(_comparison.Models, "text_encoder")),
            Engines = _comparison.Engines(arguments, Sd15Model.UserCache),
            Tool = _comparison.Tool(arguments),
            Rounds = Choose(_comparison.Rounds, 2),
            Runs = Choose(_comparison.Runs, 2),
            Threads = arguments.GetValue(_comparison.Threads),
            BusyProcesses = arguments.GetValue(_busy),
            Budgets = [.. ComparisonArguments.Names(arguments.GetRequiredValue(_budgets)).Select(text => int.TryParse(text, out int number) && number > 0 ? number : throw new ArgumentException($"--budgets: '{text}' is not a number of MiB."))],
        };

        // Taken before the benchmarks themselves load the machine.
        Machine machine = Machine.Current();
        IReadOnlyList<ModelResult> models = new Comparison(options, Console.Error.WriteLine).Run(cancellationToken);
        ComparisonReport report = new(machine, options, ComparisonArguments.CommandLine(arguments), models);
        Console.WriteLine(report.Write(Choose(_comparison.Output, QuickOutput)));
    }
}
