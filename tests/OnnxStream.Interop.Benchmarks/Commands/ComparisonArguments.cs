using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using OnnxStream.Interop.Benchmarks.Engines;
using OnnxStream.Interop.Benchmarks.Models;

namespace OnnxStream.Interop.Benchmarks.Commands;

/// <summary>The options that commands which compare engines have in common.</summary>
internal sealed class ComparisonArguments
{
    private readonly Option<string> _models;
    private readonly Option<string> _engines;
    private readonly Option<string[]> _variants = new("--variant")
    {
        Description = "Another engine: this library with these options of `onnxstream run`, such as \"nocache=--weights nocache\". May be repeated.",
        HelpName = "NAME=OPTIONS",
    };

    private readonly Option<string> _tool = new("--tool")
    {
        Description = "The onnxstream tool.",
        HelpName = "FILE",
        DefaultValueFactory = _ => OperatingSystem.IsWindows() ? "artifacts/bin/OnnxStream.Interop.Cli/release/onnxstream.exe" : "artifacts/bin/onnxstream",
    };

    private readonly Option<string?> _before = new("--before")
    {
        Description = "An earlier build of the tool: each engine of this library runs with it too, in the same rounds, as NAME-before.",
        HelpName = "FILE",
    };

    private readonly ModelCache? _quantized;

    /// <summary>Makes the options.</summary>
    /// <param name="models">The models that are measured unless others are named.</param>
    /// <param name="engines">The engines, likewise.</param>
    /// <param name="quantized">Where the models' 8-bit files are kept; null where they have none.</param>
    public ComparisonArguments(IEnumerable<string> models, IEnumerable<string> engines, ModelCache? quantized = null)
    {
        _quantized = quantized;
        _models = new("--models") { Description = "The networks, separated by commas.", HelpName = "NAME,...", DefaultValueFactory = _ => string.Join(',', models) };
        _engines = new("--engines")
        {
            Description = $"The engines, separated by commas: {string.Join(", ", AllEngines("", "").Select(engine => engine.Name))}.",
            HelpName = "NAME,...",
            DefaultValueFactory = _ => string.Join(',', engines),
        };
    }

    /// <summary>How many times each engine has its turn.</summary>
    public Option<int> Rounds { get; } = Number("--rounds", 3, 1, "How many times each engine has its turn.");

    /// <summary>Measured runs in a turn.</summary>
    public Option<int> Runs { get; } = Number("--runs", 3, 1, "Measured runs in a turn, after one that warms up.");

    /// <summary>Threads that compute.</summary>
    public Option<int> Threads { get; } = Number("--threads", Environment.ProcessorCount, 1, "Threads that compute.");

    /// <summary>The folder of the report.</summary>
    public Option<string> Output { get; } = new("--output", "-o")
    {
        Description = "The folder of the report.",
        HelpName = "DIR",
        DefaultValueFactory = _ => "docs/benchmarks",
    };

    /// <summary>The networks that were asked for.</summary>
    public Option<string> Models => _models;

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_models, _engines, _variants, Rounds, Runs, Threads, _tool, _before, Output])
        {
            command.Add(option);
        }
    }

    /// <summary>Those of all models that a list names.</summary>
    /// <exception cref="ArgumentException">There is no such model.</exception>
    public static IReadOnlyList<MeasuredModel> Choose(IReadOnlyList<MeasuredModel> all, string names) => [.. Names(names).Select(name => Find(all, model => model.Name, name, "network"))];

    /// <summary>The tool that is measured.</summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public string Tool(ParseResult arguments)
    {
        string tool = arguments.GetRequiredValue(_tool);
        return File.Exists(tool) ? tool : throw new FileNotFoundException($"{tool}: no such file. './build.sh build' makes the tool.");
    }

    /// <summary>Engines, each of this library followed by the same with an earlier build of the tool.</summary>
    /// <param name="engines">The engines.</param>
    /// <param name="before">The path of the earlier tool. It keeps packed weights in a folder of its own, as its stores may have another form.</param>
    public static IEnumerable<Engine> WithBefore(IEnumerable<Engine> engines, string before) =>
        engines.SelectMany(engine => engine is ToolEngine tool
            ? (Engine[])[tool, tool with
            {
                Name = $"{tool.Name}-before",
                Description = $"the same with `{before}`",
                Tool = before,
                StoreFolder = tool.StoreFolder is { } folder ? Path.Combine(folder, "before") : null,
            }]
            : [engine]);

    /// <summary>The engines that were asked for.</summary>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cache">The cache of the models, beside which packed weights are kept.</param>
    /// <exception cref="ArgumentException">There is no such engine.</exception>
    /// <exception cref="FileNotFoundException">There is no such tool.</exception>
    public List<Engine> Engines(ParseResult arguments, ModelCache cache)
    {
        string tool = arguments.GetRequiredValue(_tool);
        IReadOnlyList<Engine> all = AllEngines(tool, Path.Combine(cache.Folder, "panels"));
        List<Engine> engines = [.. Names(arguments.GetRequiredValue(_engines)).Select(name => Find(all, engine => engine.Name, name, "engine"))];
        foreach (string variant in arguments.GetValue(_variants) ?? [])
        {
            int equals = variant.IndexOf('=');
            if (equals <= 0)
            {
                throw new ArgumentException($"--variant {variant}: expected NAME=OPTIONS.");
            }

            string optionText = variant[(equals + 1)..];
            engines.Add(new ToolEngine(variant[..equals], $"this library with `{optionText}`", tool, [.. CommandLineParser.SplitCommandLine(optionText)]));
        }

        if (arguments.GetValue(_before) is not { } before)
        {
            return engines;
        }

        return File.Exists(before) ? [.. WithBefore(engines, before)] : throw new FileNotFoundException($"--before {before}: no such file.");
    }

    /// <summary>The command that was given, for the report.</summary>
    public static string CommandLine(ParseResult arguments) =>
        string.Join(' ', ["./build.sh", "bench", .. arguments.Tokens.Select(token => token.Value.Contains(' ') ? $"\"{token.Value}\"" : token.Value)]);

    /// <summary>The parts of a list with commas.</summary>
    public static string[] Names(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>An option that takes a whole number.</summary>
    public static Option<int> Number(string name, int defaultValue, int minimum, string description)
    {
        Option<int> option = new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => defaultValue };
        option.Validators.Add(result =>
        {
            // What is no number at all has no value to ask for.
            if (result.Tokens is [var token] && (!int.TryParse(token.Value, CultureInfo.InvariantCulture, out int value) || value < minimum))
            {
                result.AddError($"{name}: expected a whole number of at least {minimum}.");
            }
        });
        return option;
    }

    private IReadOnlyList<Engine> AllEngines(string tool, string storeFolder)
    {
        IReadOnlyList<Engine> engines = EngineCatalog.Create(tool, storeFolder);
        return _quantized is null ? engines : [.. engines, .. EngineCatalog.CreateQuantized(tool, storeFolder, _quantized)];
    }

    private static T Find<T>(IReadOnlyList<T> all, Func<T, string> nameOf, string name, string kind) =>
        all.FirstOrDefault(item => nameOf(item) == name)
        ?? throw new ArgumentException($"There is no {kind} '{name}'; there are {string.Join(", ", all.Select(nameOf))}.");
}
