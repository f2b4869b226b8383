using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Server;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream serve</c>: models behind web interfaces, inside one memory limit.</summary>
internal sealed class ServeCommand : ToolCommand
{
    private const string KeyVariable = "ONNXSTREAM_API_KEY";

    private const long MostBodyBytes = 32L << 20;

    // Bodies of the largest size that there is room for at once.
    private const int BodiesTogether = 2;

    // What the process grows by when it begins to serve: code, connections, planning. An estimate: compiled ahead of time, the idle server has 36 MiB resident in all.
    private static readonly long s_serverBytes = (RuntimeFeature.IsDynamicCodeCompiled ? 96L : 32L) << 20;

    private readonly Option<string?> _models = new("--models")
    {
        Description = "A folder with a folder for each model: those that make pictures (as for 'sd'), language models (as for 'chat'), models for embeddings (as for 'embed'). Clients ask for models by the names of these folders.",
        HelpName = "FOLDER",
    };

    private readonly Option<string[]> _model = new("--model", "-m")
    {
        Description = "The folder of a single model; may be given several times.",
        HelpName = "DIR",
    };

    private readonly Option<string> _host = new("--host")
    {
        Description = "The address to listen at. One that other machines reach, such as 0.0.0.0, needs a key.",
        HelpName = "ADDRESS",
        DefaultValueFactory = _ => "127.0.0.1",
    };

    private readonly Option<int> _port = NumberOption("--port", 0, 8080, "The port to listen at; 0 takes one that is free.", ushort.MaxValue);

    private readonly Option<string[]> _urls = new("--urls")
    {
        Description = "Where to listen, in place of --host and --port, as in http://127.0.0.1:8080; may be given several times.",
        HelpName = "URL",
    };

    private readonly Option<string?> _keyFile = new("--api-key-file")
    {
        Description = $"A file with a key on each line; lines that begin with # do not count. Clients send one as a bearer. The environment variable {KeyVariable} may hold a key too. Clients with different keys take turns, and do not see each other's jobs.",
        HelpName = "FILE",
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

    private readonly Option<int> _queueLength = NumberOption("--queue-length", 0, 64, "The most jobs that wait; further ones are refused (503).", 100_000);

    private readonly Option<int> _parallel = NumberOption("--parallel", 1, 2, "The most jobs that are done at once, if the memory allows it.", 256);

    private readonly Option<int> _idle = NumberOption("--idle", 1, 300, "After how many seconds a model that nobody uses is let go.", 1_000_000);

    private readonly Option<int> _drain = NumberOption("--drain", 0, 30, "How many seconds jobs that are being done may go on when the server is stopped.", 100_000);

    private readonly Option<int> _rate = NumberOption("--requests-per-minute", 1, 1200, "The most requests in a minute of one key, or one address where there are no keys; further ones are refused (429).", 1_000_000);

    public ServeCommand()
        : base("serve", "Serve models over HTTP: OpenAI's API, AUTOMATIC1111's, jobs, and a page.")
    {
        foreach (Option option in (Option[])[_models, _model, _host, _port, _urls, _keyFile, _memory, _threads, _weights, _panelStore, _context, _queueLength, _parallel, _idle, _drain, _rate])
        {
            Add(option);
        }

        _panelStore.AcceptOnlyFromAmong("auto", "off");
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream serve --models models --memory 2GB",
        "onnxstream serve --model models/tiny-shapes --port 7860",
        "onnxstream serve --models models --host 0.0.0.0 --api-key-file keys.txt",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string? folder = arguments.GetValue(_models);
        string[] single = arguments.GetValue(_model) ?? [];
        if (folder is null && single.Length == 0)
        {
            throw new UsageException("There is nothing to serve: name a folder of models with --models, or a model with --model.");
        }

        foreach (string path in (string[])[.. folder is null ? [] : (string[])[folder], .. single])
        {
            RequireExisting(path);
        }

        long? limit = arguments.GetValue(_memory);
        TimeSpan drain = TimeSpan.FromSeconds(arguments.GetValue(_drain));
        ServeAsync().GetAwaiter().GetResult();

        async Task ServeAsync()
        {
            using Weights.WeightsProvider weights = CreateWeightsProvider(arguments.GetRequiredValue(_weights));
            long bodyBytes = limit is { } most ? Math.Clamp(most / 32, 1 << 20, MostBodyBytes) : MostBodyBytes;
            string[] urls = arguments.GetValue(_urls) ?? [];
            ModelServerOptions options = new()
            {
                Urls = urls.Length > 0 ? urls : [Url(arguments.GetRequiredValue(_host), arguments.GetValue(_port))],
                ApiKeys = ReadKeys(arguments.GetValue(_keyFile)),
                Models = new ModelShelfOptions
                {
                    Folder = folder,
                    ModelFolders = single,
                    Budget = limit is { } allowed ? BudgetWithin(allowed, BodiesTogether * bodyBytes) : null,
                    ContextLength = arguments.GetValue(_context),
                    IdleTime = TimeSpan.FromSeconds(arguments.GetValue(_idle)),
                    Session = new SessionOptions
                    {
                        ThreadCount = arguments.GetValue(_threads),
                        WeightsProvider = weights,
                        PanelStore = CreatePanelStore(arguments.GetRequiredValue(_panelStore), "f32", progress: null, cancellationToken),
                    },
                },
                Queue = new JobQueueOptions { MostWaiting = arguments.GetValue(_queueLength), MostRunning = arguments.GetValue(_parallel) },
                MemoryLimit = limit,
                MostBodyBytes = bodyBytes,
                MostBodyBytesTogether = BodiesTogether * bodyBytes,
                RequestsPerMinute = arguments.GetValue(_rate),
                DrainTime = drain,
                LogLevel = terminal.IsQuiet ? LogLevel.Warning : LogLevel.Information,
            };

            // Jobs that are being done may come to their end after a signal.
            Patience.AfterSignal = drain + TimeSpan.FromSeconds(20);
            ModelServer server;
            try
            {
                server = ModelServer.Create(options);
            }
            catch (ArgumentException exception) when (exception.ParamName == nameof(options))
            {
                throw new UsageException(CommandLine.Describe(exception));
            }

            await using (server.ConfigureAwait(false))
            {
                if (server.Models.Models.Count == 0)
                {
                    throw new UsageException($"{folder}: there is no model in any of its folders that can be served.");
                }

                await server.StartAsync(cancellationToken).ConfigureAwait(false);
                terminal.Report($"serving {string.Join(", ", server.Models.Models.Select(model => model.Name))} at {string.Join(", ", server.Addresses)}; Ctrl+C ends");
                try
                {
                    await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    terminal.Report("stopping: jobs that are being done may end; once more to stop at once");
                    await server.StopAsync().ConfigureAwait(false);
                }
            }
        }
    }

    private static string Url(string host, int port)
    {
        string name = host.Contains(':', StringComparison.Ordinal) && host[0] != '[' ? $"[{host}]" : host;
        return $"http://{name}:{port.ToString(CultureInfo.InvariantCulture)}";
    }

    private static long BudgetWithin(long limit, long bodies)
    {
        ProcessMemory.StaySmall();
        ProcessMemory memory = ProcessMemory.Measure(0, s_serverBytes + bodies);
        return memory.Allows(limit, 1)
            ? memory.BudgetFor(limit)
            : throw new UsageException($"--memory {Quantity.Bytes(limit)} is too small: the server by itself needs {Quantity.Bytes(memory.SmallestLimit(1))}, and its models some more.");
    }

    // Keys are never part of an error.
    private static string[] ReadKeys(string? file)
    {
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
}
