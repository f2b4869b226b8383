using System.CommandLine;
using OnnxStream.Interop.Benchmarks.Architectures;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Models;
using OnnxStream.Interop.Benchmarks.Reports;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary><c>architectures</c>: compares engines with published architectures of many kinds in their real size, and writes a report.</summary>
internal sealed class ArchitecturesCommand : Command
{
    private readonly ComparisonArguments _comparison = new(ArchitectureModel.Names, EngineCatalog.SmallModelNames);

    private readonly Option<int> _seconds = ComparisonArguments.Number("--seconds", 2, 0, "About how long the measured runs of a turn take together: quick models are run up to a hundred times.");

    public ArchitecturesCommand()
        : base("architectures", "Compare with ResNet, MobileNet, a detector, U-Net, BERT, GPT-2, Llama, ViT, Whisper and others in their real size. PyTorch exports them once.")
    {
        _comparison.AddTo(this);
        Add(_seconds);
        SetAction((arguments, cancellationToken) =>
        {
            Execute(arguments, cancellationToken);
            return Task.FromResult(0);
        });
    }

    private void Execute(ParseResult arguments, CancellationToken cancellationToken)
    {
        Exporter exporter = Exporter.Default;
        ModelCache cache = ModelCache.Of("architectures", exporter.Version());
        ComparisonOptions options = new()
        {
            Subject = "Published architectures in their real size with random weights, batch 1, float32, as PyTorch exports them; of Llama, two layers.",
            Models = ComparisonArguments.Choose([.. ArchitectureModel.Names.Select(name => new ArchitectureModel(name, exporter, cache))], arguments.GetRequiredValue(_comparison.Models)),
            Engines = _comparison.Engines(arguments, cache),
            Tool = _comparison.Tool(arguments),
            Rounds = arguments.GetValue(_comparison.Rounds),
            Runs = arguments.GetValue(_comparison.Runs),
            TurnS = arguments.GetValue(_seconds),
            Threads = arguments.GetValue(_comparison.Threads),
        };

        // Taken before the benchmarks themselves load the machine.
        Machine machine = Machine.Current();
        IReadOnlyList<ModelResult> models = new Comparison(options, Console.Error.WriteLine).Run(cancellationToken);
        ComparisonReport report = new(machine, options, ComparisonArguments.CommandLine(arguments), models) { Suffix = "-architectures", HasPictures = false };
        Console.WriteLine(report.Write(arguments.GetRequiredValue(_comparison.Output)));
    }
}
