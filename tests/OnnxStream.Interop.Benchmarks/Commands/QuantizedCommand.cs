using System.CommandLine;
using OnnxStream.Interop.Benchmarks.Architectures;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Models;
using OnnxStream.Interop.Benchmarks.Reports;
using OnnxStream.Interop.Benchmarks.Sd15;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary><c>quantized</c>: compares engines with models in 8 and 4 bits, and writes a report.</summary>
internal sealed class QuantizedCommand : Command
{
    // Changes when 'onnxstream quantize' writes something else.
    private const string Version = "quantizer 1\n";

    private static readonly string[] s_models = ["text_encoder", "unet", "vae_decoder", "bert", "resnet50"];

    private static readonly ModelCache s_cache = ModelCache.Of("quantized", Version);

    private readonly ComparisonArguments _comparison = new(s_models, EngineCatalog.QuantizedNames, s_cache);

    private readonly Option<int> _seconds = ComparisonArguments.Number("--seconds", 2, 0, "About how long the measured runs of a turn take together: quick models are run up to a hundred times.");

    public QuantizedCommand()
        : base("quantized", "Compare models in 8 and 4 bits: files that 'onnxstream quantize' writes, and packed weights made of float files. PyTorch exports BERT and ResNet-50 once.")
    {
        Aliases.Add("quantised");
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
        List<Engine> engines = _comparison.Engines(arguments, s_cache);
        string tool = _comparison.Tool(arguments);
        QuantizedScheme[] schemes = [.. QuantizedScheme.All.Where(scheme => engines.Any(engine => engine is QuantizedFileEngine file && file.Scheme == scheme))];
        ComparisonOptions options = new()
        {
            Subject = "Networks with random weights, batch 1, in single precision and in fewer bits.",
            Models = [.. ComparisonArguments.Choose(Sources(), arguments.GetRequiredValue(_comparison.Models)).Select(model => new QuantizedModel(model, s_cache, tool, schemes))],
            Engines = engines,
            Tool = tool,
            Rounds = arguments.GetValue(_comparison.Rounds),
            Runs = arguments.GetValue(_comparison.Runs),
            TurnS = arguments.GetValue(_seconds),
            Threads = arguments.GetValue(_comparison.Threads),
        };

        // Taken before the benchmarks themselves load the machine.
        Machine machine = Machine.Current();
        IReadOnlyList<ModelResult> models = new Comparison(options, Console.Error.WriteLine).Run(cancellationToken);
        ComparisonReport report = new(machine, options, ComparisonArguments.CommandLine(arguments), models) { Suffix = "-quantized", HasPictures = false };
        Console.WriteLine(report.Write(arguments.GetRequiredValue(_comparison.Output)));
    }

    private static List<MeasuredModel> Sources()
    {
        Exporter exporter = Exporter.Default;
        ModelCache cache = ModelCache.Of("architectures", exporter.Version());

        // 'unet' is that of Stable Diffusion here.
        return [.. Sd15Model.All, .. ArchitectureModel.Names.Where(name => Sd15Model.All.All(model => model.Name != name)).Select(name => new ArchitectureModel(name, exporter, cache))];
    }
}
