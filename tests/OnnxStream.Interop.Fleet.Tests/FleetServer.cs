using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OnnxStream.Interop.Server;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Fleet.Tests;

/// <summary>A server without models of its own, on a free port, and workers in this process.</summary>
internal sealed class FleetServer : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private readonly FleetOptions _options;
    private readonly List<(FleetWorker Worker, ModelShelf Shelf, CancellationTokenSource Stop, Task Work)> _workers = [];

    private FleetServer(FleetOptions options, ModelServer server)
    {
        _options = options;
        Server = server;
        Client = new HttpClient { BaseAddress = server.Addresses[0], Timeout = s_patience };
    }

    public static string Models { get; } = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models");

    public ModelServer Server { get; }

    public HttpClient Client { get; }

    public static FleetOptions Options(string url) => new() { Url = url, Lease = TimeSpan.FromSeconds(2), MostAttempts = 5 };

    public static async Task<FleetServer> StartAsync(FleetOptions fleet)
    {
        ModelServerOptions options = new()
        {
            Urls = ["http://127.0.0.1:0"],
            RequestsPerMinute = 100_000,
            Queue = new JobQueueOptions { MostRunning = 500, MostWaiting = 500, MostOfOneOwner = 1000, MostKept = 1000 },
            Limits = new JobLimits { MostSteps = 1000 },
            DrainTime = TimeSpan.FromSeconds(1),
            LogLevel = LogLevel.Critical,
        };
        FleetModels models = await FleetModels.ConnectAsync(fleet, NullLoggerFactory.Instance);
        ModelServer server = ModelServer.Create(options, (_, _) => models);
        await server.StartAsync();
        return new FleetServer(fleet, server);
    }

    public static ModelShelf Shelf() => new(new ModelShelfOptions { Folder = Models, Session = new SessionOptions { ThreadCount = 1 } }, TimeProvider.System, NullLogger<ModelShelf>.Instance);

    /// <summary>Adds a worker, and waits until the server knows it.</summary>
    public async Task<FleetWorker> AddWorkerAsync(WorkerOptions? options = null)
    {
        ModelShelf shelf = Shelf();
        FleetWorker worker = await FleetWorker.ConnectAsync(options ?? new WorkerOptions { Fleet = _options }, shelf, NullLoggerFactory.Instance);
        CancellationTokenSource stop = new();
        _workers.Add((worker, shelf, stop, worker.RunAsync(stop.Token)));
        await WaitAsync(() => Server.Models.Workers.Any(known => known.Name == worker.Name), "the worker has not come");
        return worker;
    }

    /// <summary>Has a worker leave.</summary>
    public async Task RemoveWorkerAsync(FleetWorker worker)
    {
        (_, ModelShelf shelf, CancellationTokenSource stop, Task work) = _workers.Find(each => each.Worker == worker);
        _workers.RemoveAll(each => each.Worker == worker);
        await stop.CancelAsync();
        await work;
        await worker.DisposeAsync();
        await shelf.DisposeAsync();
        stop.Dispose();
    }

    public static JobRequest Picture(int seed, int steps = 4, int count = 1, string? sampler = null) =>
        new() { Kind = JobKind.Image, Model = "tiny-shapes", Image = new ImageParameters { Prompt = "a red circle", Seed = seed, Steps = steps, Count = count, Sampler = sampler } };

    /// <summary>What this process makes of a job by itself.</summary>
    public static async Task<JobResult> DoLocallyAsync(JobRequest request)
    {
        await using ModelShelf shelf = Shelf();
        return await shelf.RunAsync(new JobWork("local", request.Model!, request, 0, _ => { }), CancellationToken.None);
    }

    /// <summary>Waits until something is so.</summary>
    public static async Task WaitAsync(Func<bool> condition, string otherwise)
    {
        long end = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        while (!condition())
        {
            Assert.That(Environment.TickCount64, Is.LessThan(end), otherwise);
            await Task.Delay(20);
        }
    }

    public static async Task<JobEvent> EndAsync(Job job)
    {
        using CancellationTokenSource limit = new(s_patience);
        return await job.WaitAsync(limit.Token);
    }

    public async Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path, string json)
    {
        using StringContent content = new(json, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await Client.PostAsync(new Uri(path, UriKind.Relative), content);
        string text = await response.Content.ReadAsStringAsync();
        return (response.StatusCode, text.Length == 0 ? default : JsonElement.Parse(text));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.StopAsync();
        foreach (FleetWorker worker in _workers.Select(each => each.Worker).ToArray())
        {
            await RemoveWorkerAsync(worker);
        }

        await Server.DisposeAsync();
    }
}
