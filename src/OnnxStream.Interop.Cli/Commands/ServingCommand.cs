using System.CommandLine;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Fleet;
using OnnxStream.Interop.Server.Models;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary>What commands that do others' jobs share: the models, the memory, and the queue of a fleet.</summary>
internal abstract class ServingCommand : ToolCommand
{
    private const string KeyVariable = "ONNXSTREAM_API_KEY";

    private const string UserVariable = "ONNXSTREAM_QUEUE_USER";

    private const string PasswordVariable = "ONNXSTREAM_QUEUE_PASSWORD";

    // What the process grows by when it begins to serve: code, connections, planning. An estimate: compiled ahead of time, the idle server has 36 MiB resident in all.
    private static readonly long s_serverBytes = (RuntimeFeature.IsDynamicCodeCompiled ? 96L : 32L) << 20;

    private readonly Option<string?> _models = new("--models", "--model-dir")
    {
        Description = "A folder with a folder for each model: those that make pictures (as for 'sd'), language models (as for 'chat'), models for embeddings (as for 'embed'). Clients ask for models by the names of these folders.",
        HelpName = "FOLDER",
    };

    private readonly Option<string[]> _model = new("--model", "-m")
    {
        Description = "The folder of a single model; may be given several times.",
        HelpName = "DIR",
    };

    private readonly Option<long?> _memory = MemoryOption();

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<string> _weights = WeightsOption();

    private readonly Option<string> _panelStore = new("--panel-store")
    {
        Description = "Whether packed weights are kept for the next time: auto keeps those of each network in the cache folder if there is ample room, off packs them again.",
        HelpName = "auto|off",
        DefaultValueFactory = _ => "off",
    };

    private readonly Option<int?> _context = OptionalNumberOption("--context", 2, "The most tokens of a conversation; the default is what each model was made for. An open language model keeps a cache for so many.");

    private readonly Option<string?> _cacheType = CacheTypeOption();

    private readonly Option<int> _idle = NumberOption("--idle", 1, 300, "After how many seconds a model that nobody uses is let go.", 1_000_000);

    private readonly Option<int> _drain = NumberOption("--drain", 0, 30, "How many seconds jobs that are being done may go on after a signal.", 100_000);

    private readonly Option<string?> _queue = new("--queue")
    {
        Description = $"The NATS servers with the queue of a fleet, as in nats://10.0.0.1:4222; several of a cluster have commas between them, and tls:// in place of nats:// insists on encryption. The environment variables {UserVariable} and {PasswordVariable} may hold a user's name and password.",
        HelpName = "URL",
    };

    private readonly Option<string?> _credentials = FileOption("--queue-credentials", "A file with credentials for the queue, as NATS' tools write it (.creds).");

    private readonly Option<string?> _authority = FileOption("--queue-ca", "A PEM file with the certificates of the authorities that the queue's servers have theirs from; the default is the system's.");

    private readonly Option<string?> _certificate = FileOption("--queue-certificate", "A PEM file with a certificate that this program shows to the queue's servers.");

    private readonly Option<string?> _key = FileOption("--queue-key", "A PEM file with the key of --queue-certificate.");

    private readonly Option<int> _replicas = NumberOption("--queue-replicas", 1, 1, "On how many servers of the cluster everything is stored: 3 so that one may fail. Whoever makes the queue decides.", 5);

    private readonly Option<int> _lease = NumberOption("--lease", 1, 30, "After how many silent seconds of a worker its job goes to another one. Whoever makes the queue decides.", 86_400);

    private readonly Option<int> _attempts = NumberOption("--attempts", 1, 3, "How many workers may fail at a job, or disappear with it, before it is given up.", 1000);

    private readonly Option<string?> _keyFile = new("--api-key-file")
    {
        Description = $"A file with a key on each line; lines that begin with # do not count. Clients send one as a bearer. The environment variable {KeyVariable} may hold a key too. Clients with different keys take turns, and do not see each other's jobs.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _collector = new("--otlp-endpoint")
    {
        Description = "Send metrics and traces to this collector by OpenTelemetry's protocol, as in http://127.0.0.1:4317 (gRPC) or http://127.0.0.1:4318 (HTTP). The environment variables OTEL_* of OpenTelemetry say so as well, and more.",
        HelpName = "URL",
    };

    protected ServingCommand(string name, string description)
        : base(name, description)
    {
        foreach (Option option in (Option[])[_models, _model, _memory, _threads, _weights, _panelStore, _context, _cacheType, _idle, _drain, _queue, _credentials, _authority, _certificate, _key, _replicas, _lease, _attempts, _keyFile, _collector])
        {
            Add(option);
        }

        _panelStore.AcceptOnlyFromAmong("auto", "off");
    }

    /// <summary>Whether any model is named.</summary>
    protected bool NamesModels(ParseResult arguments) => arguments.GetValue(_models) is not null || arguments.GetValue(_model) is { Length: > 0 };

    /// <summary>The folder of models, as it was named.</summary>
    protected string? Folder(ParseResult arguments) => arguments.GetValue(_models);

    /// <summary>The limit of the process; null for none.</summary>
    protected long? Limit(ParseResult arguments) => arguments.GetValue(_memory);

    /// <summary>How long jobs may go on after a signal.</summary>
    protected TimeSpan Drain(ParseResult arguments) => TimeSpan.FromSeconds(arguments.GetValue(_drain));

    /// <summary>Where weights come from; the caller's to dispose.</summary>
    protected WeightsProvider CreateWeights(ParseResult arguments) => CreateWeightsProvider(arguments.GetRequiredValue(_weights));

    /// <summary>The models.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="weights">Where weights come from.</param>
    /// <param name="otherBytes">What the process holds besides models and itself, such as bodies of requests.</param>
    /// <param name="cancellationToken">Stops the packing of weights.</param>
    protected ModelShelfOptions Shelf(ParseResult arguments, WeightsProvider weights, long otherBytes, CancellationToken cancellationToken)
    {
        string? folder = arguments.GetValue(_models);
        string[] single = arguments.GetValue(_model) ?? [];
        foreach (string path in (string[])[.. folder is null ? [] : (string[])[folder], .. single])
        {
            RequireExisting(path);
        }

        return new ModelShelfOptions
        {
            Folder = folder,
            ModelFolders = single,
            Budget = Limit(arguments) is { } allowed ? BudgetWithin(allowed, otherBytes) : null,
            ContextLength = arguments.GetValue(_context),
            CacheElementType = CacheType(arguments, _cacheType),
            IdleTime = TimeSpan.FromSeconds(arguments.GetValue(_idle)),
            Session = new SessionOptions
            {
                ThreadCount = arguments.GetValue(_threads),
                WeightsProvider = weights,
                PanelStore = CreatePanelStore(arguments.GetRequiredValue(_panelStore), "f32", progress: null, cancellationToken),
            },
        };
    }

    /// <summary>The queue; null where none is named.</summary>
    /// <exception cref="UsageException">There is something about a queue, but none is named.</exception>
    protected FleetOptions? Queue(ParseResult arguments)
    {
        if (arguments.GetValue(_queue) is not { } url)
        {
            Option? useless = Array.Find((Option[])[_credentials, _authority, _certificate, _key, _replicas, _lease, _attempts], option => arguments.GetResult(option) is { Implicit: false });
            return useless is null ? null : throw new UsageException($"{useless.Name} is about a queue, and none is named: add --queue, as in --queue nats://10.0.0.1:4222.");
        }

        foreach (string? file in (string?[])[arguments.GetValue(_credentials), arguments.GetValue(_authority), arguments.GetValue(_certificate), arguments.GetValue(_key)])
        {
            if (file is not null)
            {
                RequireExisting(file);
            }
        }

        return new FleetOptions
        {
            Url = url,
            CredentialsFile = arguments.GetValue(_credentials),
            User = Environment.GetEnvironmentVariable(UserVariable),
            Password = Environment.GetEnvironmentVariable(PasswordVariable),
            AuthorityFile = arguments.GetValue(_authority),
            CertificateFile = arguments.GetValue(_certificate),
            KeyFile = arguments.GetValue(_key),
            Replicas = arguments.GetValue(_replicas),
            Lease = TimeSpan.FromSeconds(arguments.GetValue(_lease)),
            MostAttempts = arguments.GetValue(_attempts),
        };
    }

    /// <summary>The keys of those who may come in. They are never part of an error.</summary>
    /// <exception cref="UsageException">There is no key in the file.</exception>
    protected string[] ReadKeys(ParseResult arguments)
    {
        string? file = arguments.GetValue(_keyFile);
        List<string> keys = [];
        if (Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } key)
        {
            keys.Add(key);
        }

        if (file is not null)
        {
            RequireExisting(file);
            keys.AddRange(File.ReadLines(file).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'));
            if (keys.Count == 0)
            {
                throw new UsageException($"{file}: there is no key in the file; one is expected on each line.");
            }
        }

        return [.. keys];
    }

    /// <summary>Starts to collect what operators want to see; null where nobody asks for it.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="service">What the process is called.</param>
    /// <param name="isScraped">Whether there is an endpoint for Prometheus.</param>
    /// <exception cref="UsageException">The collector has no address.</exception>
    protected TelemetryExport? Telemetry(ParseResult arguments, string service, bool isScraped) => TelemetryExport.Start(service, isScraped, arguments.GetValue(_collector));

    /// <summary>The least that is logged.</summary>
    protected static LogLevel LeastLogged(Terminal terminal) => terminal.IsQuiet ? LogLevel.Warning : LogLevel.Information;

    /// <summary>An option that names a file.</summary>
    protected static Option<string?> FileOption(string name, string description) => new(name) { Description = description, HelpName = "FILE" };

    private static long BudgetWithin(long limit, long others)
    {
        ProcessMemory.StaySmall();
        ProcessMemory memory = ProcessMemory.Measure(0, s_serverBytes + others);
        return memory.Allows(limit, 1)
            ? memory.BudgetFor(limit)
            : throw new UsageException($"--memory {Quantity.Bytes(limit)} is too small: the server by itself needs {Quantity.Bytes(memory.SmallestLimit(1))}, and its models some more.");
    }
}
