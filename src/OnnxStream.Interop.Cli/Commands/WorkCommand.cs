using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Fleet;
using OnnxStream.Interop.Server;
using OnnxStream.Interop.Server.Models;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream work</c>: does the jobs of a queue that this machine has models and memory for.</summary>
internal sealed class WorkCommand : ServingCommand
{
    private readonly Option<int> _parallel = NumberOption("--parallel", 1, 1, "The most jobs that are done at once, if the memory allows it.", 256);

    private readonly Option<int> _saveEvery = NumberOption("--save-every", 1, 1, "After how many steps of a picture its state is kept, once a second at most, so that another worker can go on from it.");

    private readonly Option<string?> _name = new("--name")
    {
        Description = "What this worker is called; the default is the machine's name with some letters that tell its workers apart.",
        HelpName = "NAME",
    };

    private readonly Option<string?> _statusUrl = new("--status-url")
    {
        Description = $"Answer /health, /ready and {TelemetryExport.Path} (for Prometheus) there, as in http://127.0.0.1:9464. An address that other machines reach needs a key.",
        HelpName = "URL",
    };

    private readonly Option<bool> _dead = new("--dead") { Description = "List the jobs that were given up, each with its reason, and end." };

    public WorkCommand()
        : base("work", "Do the jobs of a fleet's queue: those that this machine has models and memory for.")
    {
        foreach (Option option in (Option[])[_parallel, _saveEvery, _name, _statusUrl, _dead])
        {
            Add(option);
        }
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream work --queue nats://10.0.0.1:4222 --models models --memory 400MB",
        "onnxstream work --queue tls://10.0.0.1:4222 --queue-credentials worker.creds --models models",
        "onnxstream work --queue nats://10.0.0.1:4222 --models models --status-url http://127.0.0.1:9464",
        "onnxstream work --queue nats://10.0.0.1:4222 --dead",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        FleetOptions queue = Queue(arguments) ?? throw new UsageException("There is no queue to take jobs from: name one with --queue, as in --queue nats://10.0.0.1:4222.");
        if (!arguments.GetValue(_dead) && !NamesModels(arguments))
        {
            throw new UsageException("There is nothing to work with: name a folder of models with --models, or a model with --model.");
        }

        try
        {
            (arguments.GetValue(_dead) ? ListAsync(queue, terminal, cancellationToken) : WorkAsync(arguments, queue, terminal, cancellationToken)).GetAwaiter().GetResult();
        }
        catch (ArgumentException exception) when (exception.ParamName == "options")
        {
            throw new UsageException(CommandLine.Describe(exception));
        }
    }

    private static async Task ListAsync(FleetOptions queue, Terminal terminal, CancellationToken cancellationToken)
    {
        Table table = new() { Border = TableBorder.None };
        foreach (string column in (string[])["job", "reason", "attempts", "worker", "what is wrong"])
        {
            table.AddColumn(column);
        }

        foreach (DeadJob job in await DeadJob.ListAsync(queue, cancellationToken).ConfigureAwait(false))
        {
            table.AddRow(Markup.Escape(job.Id), Markup.Escape(job.Code), job.Attempts.ToString(CultureInfo.InvariantCulture), Markup.Escape(job.Worker), Markup.Escape(job.Message));
        }

        terminal.Write(table);
    }

    private async Task WorkAsync(ParseResult arguments, FleetOptions queue, Terminal terminal, CancellationToken cancellationToken)
    {
        string? statusUrl = arguments.GetValue(_statusUrl);
        using TelemetryExport? telemetry = Telemetry(arguments, "onnxstream-work", isScraped: statusUrl is not null);
        using Weights.WeightsProvider weights = CreateWeights(arguments);
        using ILoggerFactory loggers = ServerLog.Create(LeastLogged(terminal));
        TimeSpan drain = Drain(arguments);
        Patience.AfterSignal = drain + TimeSpan.FromSeconds(20);
        ModelShelf shelf = new(Shelf(arguments, weights, 0, cancellationToken), TimeProvider.System, loggers.CreateLogger<ModelShelf>());
        await using (shelf.ConfigureAwait(false))
        {
            if (shelf.Models.Count == 0)
            {
                throw new UsageException($"{Folder(arguments)}: there is no model in any of its folders that can be used.");
            }

            WorkerOptions options = new()
            {
                Fleet = queue,
                Name = arguments.GetValue(_name),
                Slots = arguments.GetValue(_parallel),
                SaveInterval = arguments.GetValue(_saveEvery),
                DrainTime = drain,
            };
            FleetWorker worker = await FleetWorker.ConnectAsync(options, shelf, loggers, cancellationToken).ConfigureAwait(false);
            await using (worker.ConfigureAwait(false))
            {
                HealthServer? health = statusUrl is null ? null : HealthServer.Create(
                    new ModelServerOptions { Urls = [statusUrl], ApiKeys = ReadKeys(arguments), LogLevel = LeastLogged(terminal), DrainTime = TimeSpan.Zero, Endpoints = telemetry!.Map }, () => worker.Trouble);
                try
                {
                    string place = "";
                    if (health is not null)
                    {
                        await health.StartAsync(cancellationToken).ConfigureAwait(false);
                        place = $", watched at {string.Join(", ", health.Addresses)}";
                    }

                    terminal.Report($"working as {worker.Name} with {string.Join(", ", shelf.Models.Select(model => model.Name))}{place}; Ctrl+C ends");
                    await worker.RunAsync(cancellationToken).ConfigureAwait(false);
                }
                finally
                {
                    if (health is not null)
                    {
                        await health.DisposeAsync().ConfigureAwait(false);
                    }
                }

                terminal.Report($"left the fleet; {worker.DoneCount} jobs done");
            }
        }
    }
}
