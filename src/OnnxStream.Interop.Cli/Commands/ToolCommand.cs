using System.CommandLine;
using System.CommandLine.Parsing;
using System.Diagnostics;
using System.Globalization;
using System.Numerics;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary>A command of the tool. Whatever it throws becomes an error line and an exit code in <see cref="CommandLine"/>.</summary>
internal abstract class ToolCommand : Command
{
    /// <summary>The option that switches progress off.</summary>
    public const string QuietOption = "--quiet";

    /// <summary>The option that adds stack traces to errors.</summary>
    public const string VerboseOption = "--verbose";

    private const string AutoType = "auto";
    private const double DefaultTargetError = 0.02;

    protected ToolCommand(string name, string description)
        : base(name, description) =>
        SetAction((arguments, cancellationToken) =>
        {
            InvocationConfiguration invocation = arguments.InvocationConfiguration;
            Execute(arguments, new Terminal(invocation.Output, invocation.Error, arguments.GetValue<bool>(QuietOption)), cancellationToken);
            return Task.FromResult(ExitCode.Success);
        });

    /// <summary>Command lines that the help shows.</summary>
    public abstract IReadOnlyList<string> Examples { get; }

    /// <summary>Does the work.</summary>
    protected abstract void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken);

    /// <summary>An option whose value is a whole number not below <paramref name="minimum"/>.</summary>
    protected static Option<int> NumberOption(string name, int minimum, int defaultValue, string description, int maximum = int.MaxValue) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => defaultValue,
        CustomParser = result =>
        {
            int value = ParseNumber(result, name, minimum, $"a whole number of at least {minimum}");
            if (value > maximum)
            {
                result.AddError($"{name} {result.Tokens[0].Value}: at most {maximum}.");
            }

            return value;
        },
    };

    /// <summary>An option whose value is a whole number not below <paramref name="minimum"/>; null where it is not given.</summary>
    protected static Option<T?> OptionalNumberOption<T>(string name, T minimum, string description)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> => new(name)
        {
            Description = description,
            HelpName = "N",
            CustomParser = result => ParseNumber(result, name, minimum, minimum == T.MinValue ? "a whole number" : $"a whole number of at least {minimum}"),
        };

    /// <summary>Reads the number of an option, or adds the error that says what was expected of it.</summary>
    protected static T ParseNumber<T>(ArgumentResult result, string name, T minimum, string expected)
        where T : struct, INumber<T>
    {
        string text = result.Tokens[0].Value;
        if (!T.TryParse(text, CultureInfo.InvariantCulture, out T value) || value < minimum || !T.IsFinite(value))
        {
            result.AddError($"{name} {text}: expected {expected}.");
        }

        return value;
    }

    /// <summary>The option that says how many threads compute; 0 where it is not given.</summary>
    protected static Option<int> ThreadsOption() =>
        NumberOption("--threads", 0, 0, "The number of threads that compute; 0 means one for each processor.", SessionOptions.MostThreads);

    /// <summary>The option that says where weights come from.</summary>
    /// <param name="usual">What is chosen where nobody says it.</param>
    protected static Option<string> WeightsOption(string usual = "prefetch")
    {
        Option<string> option = new("--weights")
        {
            Description = "Where weights come from: nocache reads each one when it is needed and releases it, prefetch also reads ahead, mapped reads ahead and uses mapped files without a copy (for files that nobody changes), ram keeps all weights in memory.",
            HelpName = "nocache|prefetch|mapped|ram",
            DefaultValueFactory = _ => usual,
        };
        return option.AcceptOnlyFromAmong("nocache", "prefetch", "mapped", "ram");
    }

    /// <summary>What <see cref="WeightsOption"/> names; the caller's to dispose.</summary>
    /// <param name="name">The name.</param>
    /// <param name="keptBytes">What may stay of mapped files between uses.</param>
    protected static WeightsProvider CreateWeightsProvider(string name, long keptBytes = 0) => name switch
    {
        "nocache" => WeightsProvider.DiskNoCache(),
        "mapped" => WeightsProvider.DiskMapped(keptBytes: keptBytes),
        "ram" => WeightsProvider.Ram(),
        _ => WeightsProvider.DiskPrefetch(),
    };

    /// <summary>The option that says whether packed weights are kept.</summary>
    protected static Option<string> PanelStoreOption() => new("--panel-store")
    {
        Description = "Where packed weights are kept for the next run: off packs them again in every run, auto keeps them in the cache folder if there is ample room, or name a file.",
        HelpName = "auto|off|FILE",
        DefaultValueFactory = _ => "off",
    };

    /// <summary>The option that says how packed weights are kept.</summary>
    protected static Option<string> PanelTypeOption()
    {
        Option<string> option = new("--panel-type")
        {
            Description = "How weights are packed: f16 and bf16 take half the bytes of a store and lose some digits; bf16 keeps the range of f32. int8 takes a quarter, and int4 an eighth for matrices; data are rounded to 8 bits as well: quicker, with errors of a few hundredths (int8) or more than a tenth (int4). auto runs the model some tens of times and gives each layer the smallest type that keeps the error of the outputs below --target-error; the choice is kept beside the store.",
            HelpName = "f32|f16|bf16|int8|int4|auto",
            DefaultValueFactory = _ => "f32",
        };
        return option.AcceptOnlyFromAmong("f32", "f16", "bf16", "int8", "int4", AutoType);
    }

    /// <summary>The option that says how far outputs may be from those of single precision.</summary>
    protected static Option<double?> TargetErrorOption() => new("--target-error")
    {
        Description = $"With --panel-type auto: the largest error of the outputs, as a part of their root mean square; the default is {DefaultTargetError.ToString(CultureInfo.InvariantCulture)}. It is measured on the inputs of the run that chooses, random ones where none are given.",
        HelpName = "E",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || value is not (> 0 and < 1))
            {
                result.AddError($"--target-error {text}: expected a number that is more than 0 and less than 1, as in 0.02.");
            }

            return value;
        },
    };

    /// <summary>The error that outputs may have where each layer's type of panels is to be chosen; null where it is not.</summary>
    /// <exception cref="UsageException">The options contradict one another.</exception>
    protected static double? ReadTargetError(string panelStore, string panelType, double? targetError)
    {
        if (panelType != AutoType)
        {
            return targetError is null ? null : throw new UsageException($"--target-error {targetError.Value.ToString(CultureInfo.InvariantCulture)} is for --panel-type {AutoType}, not for {panelType}.");
        }

        return panelStore == "off"
            ? throw new UsageException($"--panel-type {AutoType} chooses how weights are kept: say where, with --panel-store auto or --panel-store FILE.")
            : targetError ?? DefaultTargetError;
    }

    /// <summary>The options with a type of panels for each layer: the choice that is kept, or a new one.</summary>
    /// <param name="terminal">Shows how far the search is, and what came of it.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">The options; their panel store says where the choice is kept.</param>
    /// <param name="inputs">Makes what the error is measured on.</param>
    /// <param name="targetError">The largest error; null to leave the options as they are.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    protected static SessionOptions ChoosePanelTypes(
        Terminal terminal, Model model, SessionOptions options, Func<IReadOnlyDictionary<string, OnnxValue>> inputs, double? targetError, CancellationToken cancellationToken)
    {
        if (targetError is not { } target)
        {
            return options;
        }

        PanelFormatSearch search = new(model, options, inputs()) { TargetError = target };
        if (search.TryLoad() is not { } table)
        {
            long start = Stopwatch.GetTimestamp();
            table = ProgressDisplay.Show(terminal, report => search.LoadOrRun(new SearchReporter(report), cancellationToken));
            string types = string.Join(", ", table.Layers.GroupBy(layer => layer.ElementType).OrderBy(group => group.Key).Select(group => $"{group.Count():N0} {PanelTypeName(group.Key)}"));
            terminal.Report($"types of panels chosen in {Quantity.Seconds(Stopwatch.GetElapsedTime(start).TotalSeconds)}: {types}; error {table.MeasuredError?.ToString("0.####", CultureInfo.InvariantCulture)}");
        }

        return options with { PanelStore = options.PanelStore with { Formats = table } };
    }

    /// <summary>What <see cref="PanelTypeOption"/> calls a type.</summary>
    protected static string PanelTypeName(ElementType type) => type switch
    {
        ElementType.Float16 => "f16",
        ElementType.BFloat16 => "bf16",
        ElementType.Int8 => "int8",
        ElementType.Int4 => "int4",
        _ => "f32",
    };

    /// <summary>The option that says in which precision keys and values are kept.</summary>
    protected static Option<string?> CacheTypeOption()
    {
        Option<string?> option = new("--cache-type")
        {
            Description = "How keys and values are kept, which are most of what a long conversation takes: f16 takes half the bytes of f32, int8 a little more than a quarter (32 numbers share a scale). Each is rounded once. The default is the type that the model has them in.",
            HelpName = "f32|f16|int8",
        };
        option.AcceptOnlyFromAmong("f32", "f16", "int8");
        return option;
    }

    /// <summary>What <see cref="CacheTypeOption"/> says; null for the model's own type.</summary>
    protected static ElementType? CacheType(ParseResult arguments, Option<string?> option) => arguments.GetValue(option) switch
    {
        "f32" => ElementType.Float32,
        "f16" => ElementType.Float16,
        "int8" => ElementType.Int8,
        _ => null,
    };

    /// <summary>The option that says in which precision activations are stored.</summary>
    protected static Option<string> ActivationTypeOption()
    {
        Option<string> option = new("--activation-type")
        {
            Description = "The precision in which large activations are stored: f16 takes half the bytes and loses some digits; int8 takes a little more than a quarter (32 numbers share a scale), with errors of a few hundredths at the end of a deep network. Computation is in f32 either way.",
            HelpName = "f32|f16|int8",
            DefaultValueFactory = _ => "f32",
        };
        return option.AcceptOnlyFromAmong("f32", "f16", "int8");
    }

    /// <summary>The element type that <c>f32</c>, <c>f16</c>, <c>bf16</c>, <c>int8</c> or <c>int4</c> names; f32 for <c>auto</c>, which names one for each layer.</summary>
    protected static ElementType ParseType(string type) => type switch
    {
        "f16" => ElementType.Float16,
        "bf16" => ElementType.BFloat16,
        "int8" => ElementType.Int8,
        "int4" => ElementType.Int4,
        _ => ElementType.Float32,
    };

    /// <summary>What <see cref="PanelStoreOption"/> and <see cref="PanelTypeOption"/> say together.</summary>
    /// <param name="store">The store.</param>
    /// <param name="type">The precision.</param>
    /// <param name="progress">Receives the progress of packing; null for none.</param>
    /// <param name="cancellationToken">Stops packing.</param>
    protected static PanelStoreOptions CreatePanelStore(string store, string type, IProgress<PackingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        PanelStoreOptions options = store switch
        {
            "off" => PanelStoreOptions.Off,
            "auto" => PanelStoreOptions.Auto,
            _ => PanelStoreOptions.File(store),
        };
        return options with
        {
            ElementType = ParseType(type),
            Progress = progress,
            CancellationToken = cancellationToken,
        };
    }

    /// <summary>The option that limits the memory of the process.</summary>
    protected static Option<long?> MemoryOption() => new("--memory")
    {
        Description = "The most memory that the process may have resident, .NET included: 128MB, 1.5GB, or a number of bytes. KB, MB and GB are powers of 1024. A limit that cannot be met is refused before the run.",
        HelpName = "SIZE",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!Quantity.TryParseBytes(text, out long bytes))
            {
                result.AddError($"--memory {text}: expected a size, as in 128MB, 1.5GB or 500000000.");
            }

            return bytes;
        },
    };

    /// <summary>The option that gives numbers to open dimensions of inputs.</summary>
    protected static Option<string[]> DimensionsOption(string description)
    {
        Option<string[]> option = new("--dim")
        {
            Description = description,
            HelpName = "NAME=N",
            AllowMultipleArgumentsPerToken = true,
        };
        option.Validators.Add(result => RequirePairs(result, "NAME=N"));
        return option;
    }

    /// <summary>The option that chooses outputs.</summary>
    protected static Option<string[]> OutputsOption() => new("--output")
    {
        Description = "An output to compute; only what it needs is computed. The default is all outputs.",
        HelpName = "NAME",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>What <see cref="OutputsOption"/> says; null for all outputs.</summary>
    /// <exception cref="UsageException">The model has no such output.</exception>
    protected static string[]? ChooseOutputs(Model model, string[]? names)
    {
        foreach (string name in names ?? [])
        {
            if (!model.Outputs.Any(output => output.Name == name))
            {
                throw new UsageException($"--output {name}: the model has no output of that name; it has: {string.Join("; ", model.Outputs)}.");
            }
        }

        return names is { Length: > 0 } ? names : null;
    }

    /// <summary>What <see cref="DimensionsOption"/> says.</summary>
    protected static Dictionary<string, long> ParseDimensions(string[]? pairs)
    {
        Dictionary<string, long> dimensions = [];
        foreach (string pair in pairs ?? [])
        {
            // Numbers have no '=', names may.
            (string name, string text) = (pair[..pair.LastIndexOf('=')], pair[(pair.LastIndexOf('=') + 1)..]);
            if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value))
            {
                throw new UsageException($"--dim {name}={text}: '{text}' is not a whole number of at least 0.");
            }

            if (!dimensions.TryAdd(name, value) && dimensions[name] != value)
            {
                throw new UsageException($"--dim {name} was given twice: {dimensions[name]} and {value}.");
            }
        }

        return dimensions;
    }

    /// <summary>Adds an error for whatever is not of the form <c>NAME=VALUE</c>.</summary>
    protected static void RequirePairs(OptionResult result, string form)
    {
        foreach (Token token in result.Tokens)
        {
            int equals = token.Value.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == token.Value.Length - 1)
            {
                result.AddError($"'{token.Value}' is not {form} (MODEL must come before the options).");
            }
        }
    }

    /// <summary>What <see cref="SchemeOption"/> calls activations of 8 bits.</summary>
    protected const string Static = "w8a8";

    /// <summary>The option that says where samples of a model's inputs are.</summary>
    protected static Option<string[]> SamplesOption() => new("--inputs", "-i")
    {
        Description = "Samples of what the model will be given: .npz files with a tensor for each input; folders with a .npy or .pb file named for each input, or folders of such; for a model with one input any .npy or .pb file. Without it, one sample of seeded random data, and the report says so.",
        HelpName = "PATH",
        AllowMultipleArgumentsPerToken = true,
    };

    /// <summary>The option that limits samples.</summary>
    protected static Option<int> SampleCountOption() => NumberOption("--samples", 0, 0, "The most samples to use, in the order of their names; 0 for all.");

    /// <summary>The option that decides random samples.</summary>
    protected static Option<int> SampleSeedOption() => NumberOption("--seed", 0, 0, "The seed of random inputs, as for 'run'.");

    /// <summary>The option that says how ranges are found.</summary>
    protected static Option<string> MethodOption()
    {
        Option<string> option = new("--method")
        {
            Description = "How a range follows from the numbers that a value had: mse has the least squares of what rounding and clipping change, percentile clips the outermost numbers, entropy keeps most of what the distribution says, min-max clips nothing.",
            HelpName = "mse|percentile|entropy|min-max",
            DefaultValueFactory = _ => "mse",
        };
        return option.AcceptOnlyFromAmong("mse", "percentile", "entropy", "min-max");
    }

    /// <summary>What <see cref="MethodOption"/> names.</summary>
    protected static CalibrationMethod ParseMethod(string name) => name switch
    {
        "percentile" => CalibrationMethod.Percentile,
        "entropy" => CalibrationMethod.Entropy,
        "min-max" => CalibrationMethod.MinMax,
        _ => CalibrationMethod.MeanSquaredError,
    };

    /// <summary>The option that says how many numbers a range clips.</summary>
    protected static Option<double> PercentileOption() => new("--percentile")
    {
        Description = "With --method percentile: the percentage of numbers that are not clipped, half of the others at each end; the default is 99.99.",
        HelpName = "P",
        DefaultValueFactory = _ => 99.99,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || value is not (> 50 and <= 100))
            {
                result.AddError($"--percentile {text}: expected a number that is more than 50 and at most 100, as in 99.9.");
            }

            return value;
        },
    };

    /// <summary>The option that says what has fewer bits.</summary>
    protected static Option<string> SchemeOption()
    {
        Option<string> option = new("--scheme")
        {
            Description = "What has fewer bits: w8a32 weights of 8 bits, w4 weights of 4 bits in blocks of 32 where they are matrices and of 8 bits elsewhere, w8a8 weights and activations of 8 bits.",
            HelpName = $"w8a32|w4|{Static}",
            DefaultValueFactory = _ => "w8a32",
        };
        return option.AcceptOnlyFromAmong("w8a32", "w4", Static);
    }

    /// <summary>What <see cref="SchemeOption"/> names.</summary>
    protected static QuantizationScheme ParseScheme(string name) => name switch
    {
        Static => QuantizationScheme.Weights8Activations8,
        "w4" => QuantizationScheme.Weights4,
        _ => QuantizationScheme.Weights8,
    };

    /// <summary>The option that asks for JSON.</summary>
    protected static Option<bool> JsonOption() => new("--json")
    {
        Description = "Print one JSON object instead of text.",
    };

    /// <summary>A duration in seconds, for reports; microseconds are as fine as a clock is worth believing.</summary>
    protected static double Seconds(TimeSpan duration) => Math.Round(duration.TotalSeconds, 6);

    /// <summary>Fails where there is neither a file nor a folder at <paramref name="path"/>.</summary>
    protected static void RequireExisting(string path)
    {
        if (!Path.Exists(path))
        {
            throw new FileNotFoundException($"{path}: no such file or folder.", path);
        }
    }

    private sealed class SearchReporter(ProgressDisplay.Reporter report) : IProgress<PanelFormatProgress>
    {
        public void Report(PanelFormatProgress value) => report("choosing types of panels", (double)value.Run / value.MostRuns);
    }
}
