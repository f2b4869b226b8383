using System.CommandLine;
using System.Globalization;
using OnnxStream.Interop.Fleet;
using OnnxStream.Interop.Server;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream serve</c>: models behind web interfaces, inside one memory limit.</summary>
internal sealed class ServeCommand : ServingCommand
{
    private const long MostBodyBytes = 32L << 20;

    // Bodies of the largest size that there is room for at once.
    private const int BodiesTogether = 2;

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

    private readonly Option<string?> _certificate = FileOption("--tls-certificate", "Encrypt connections with this certificate: a PEM file, with those of authorities in between behind it, or a PKCS#12 file without a password.");

    private readonly Option<string?> _certificateKey = FileOption("--tls-key", "A PEM file with the key of --tls-certificate, where it is not in the same file.");

    private readonly Option<int> _queueLength = NumberOption("--queue-length", 0, 64, "The most jobs that wait; further ones are refused (503).", 100_000);

    private readonly Option<int> _parallel = NumberOption("--parallel", 1, 2, "The most jobs that are done at once, if the memory allows it.", 256);

    private readonly Option<int> _rate = NumberOption("--requests-per-minute", 1, 1200, "The most requests in a minute of one key, or one address where there are no keys; further ones are refused (429).", 1_000_000);

    private readonly Option<bool> _metrics = new("--metrics") { Description = $"Answer {TelemetryExport.Path} with metrics for Prometheus, to those who may use the server." };

    public ServeCommand()
        : base("serve", "Serve models over HTTP: OpenAI's API, AUTOMATIC1111's, jobs, and a page.")
    {
        foreach (Option option in (Option[])[_host, _port, _urls, _certificate, _certificateKey, _queueLength, _parallel, _rate, _metrics])
        {
            Add(option);
        }
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream serve --models models --memory 2GB",
        "onnxstream serve --model models/tiny-shapes --port 7860",
        "onnxstream serve --models models --host 0.0.0.0 --api-key-file keys.txt",
        "onnxstream serve --models models --host 0.0.0.0 --api-key-file keys.txt --tls-certificate cert.pem --tls-key key.pem",
        "onnxstream serve --models models --metrics --otlp-endpoint http://127.0.0.1:4317",
        "onnxstream serve --queue nats://10.0.0.1:4222",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        FleetOptions? queue = Queue(arguments);
        if (queue is null && !NamesModels(arguments))
        {
            throw new UsageException("There is nothing to serve: name a folder of models with --models, a model with --model, or with --queue the queue of a fleet that has models.");
        }

        if (queue is not null && NamesModels(arguments))
        {
            throw new UsageException("With --queue, the fleet's workers do all jobs: name models where 'onnxstream work' runs, which may be this machine.");
        }

        long? limit = Limit(arguments);
        TimeSpan drain = Drain(arguments);
        ServeAsync().GetAwaiter().GetResult();

        async Task ServeAsync()
        {
            bool isScraped = arguments.GetValue(_metrics);
            using TelemetryExport? telemetry = Telemetry(arguments, "onnxstream-serve", isScraped);
            using Weights.WeightsProvider weights = CreateWeights(arguments);
            long bodyBytes = limit is { } most ? Math.Clamp(most / 32, 1 << 20, MostBodyBytes) : MostBodyBytes;
            string[] urls = arguments.GetValue(_urls) ?? [];
            ModelServerOptions options = new()
            {
                Urls = urls.Length > 0 ? urls : [Url(arguments.GetValue(_certificate) is not null, arguments.GetRequiredValue(_host), arguments.GetValue(_port))],
                TlsCertificateFile = arguments.GetValue(_certificate),
                TlsKeyFile = arguments.GetValue(_certificateKey),
                ApiKeys = ReadKeys(arguments),
                Models = queue is null ? Shelf(arguments, weights, BodiesTogether * bodyBytes, cancellationToken) : new ModelShelfOptions(),
                Queue = queue is null
                    ? new JobQueueOptions { MostWaiting = arguments.GetValue(_queueLength), MostRunning = arguments.GetValue(_parallel) }
                    : new JobQueueOptions { MostWaiting = arguments.GetValue(_queueLength), MostRunning = Math.Max(1, arguments.GetValue(_queueLength)), MostOfOneOwner = Math.Max(1, arguments.GetValue(_queueLength)) },
                MemoryLimit = limit,
                MostBodyBytes = bodyBytes,
                MostBodyBytesTogether = BodiesTogether * bodyBytes,
                RequestsPerMinute = arguments.GetValue(_rate),
                DrainTime = drain,
                LogLevel = LeastLogged(terminal),
                Endpoints = isScraped ? telemetry!.Map : null,
            };

            // Jobs that are being done may come to their end after a signal.
            Patience.AfterSignal = drain + TimeSpan.FromSeconds(20);
            ModelServer server;
            try
            {
                server = queue is null ? ModelServer.Create(options) : ModelServer.Create(options, (_, loggers) => FleetModels.ConnectAsync(queue, loggers, cancellationToken).GetAwaiter().GetResult());
            }
            catch (ArgumentException exception) when (exception.ParamName == nameof(options))
            {
                throw new UsageException(CommandLine.Describe(exception));
            }

            await using (server.ConfigureAwait(false))
            {
                if (queue is null && server.Models.Models.Count == 0)
                {
                    throw new UsageException($"{Folder(arguments)}: there is no model in any of its folders that can be served.");
                }

                await server.StartAsync(cancellationToken).ConfigureAwait(false);
                terminal.Report($"serving {(queue is null ? string.Join(", ", server.Models.Models.Select(model => model.Name)) : $"a fleet of {server.Models.Workers.Count}")} at {string.Join(", ", server.Addresses)}; Ctrl+C ends");
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

    private static string Url(bool isEncrypted, string host, int port)
    {
        string name = host.Contains(':', StringComparison.Ordinal) && host[0] != '[' ? $"[{host}]" : host;
        return $"{(isEncrypted ? "https" : "http")}://{name}:{port.ToString(CultureInfo.InvariantCulture)}";
    }
}
