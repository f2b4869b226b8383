using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Server.Models;

namespace OnnxStream.Interop.Fleet.Tests;

/// <summary>A server, a queue and workers, of which none is killed.</summary>
public class FleetModelsTests
{
    private NatsServer _nats = null!;
    private FleetServer _fleet = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _nats = NatsServer.Start();
        _fleet = await FleetServer.StartAsync(FleetServer.Options(_nats.Url));
    }

    [TearDown]
    public async Task StopAsync()
    {
        if (_fleet is not null)
        {
            await _fleet.DisposeAsync();
        }

        _nats?.Dispose();
    }

    [Test]
    public async Task APictureOfAWorkerIsTheOneThatThisMachineMakes()
    {
        await _fleet.AddWorkerAsync();
        JobRequest request = FleetServer.Picture(seed: 7, count: 2);
        Job job = _fleet.Server.Queue.Submit(request, "local");
        List<JobEventType> events = [];
        await foreach ((_, JobEvent item) in job.ReadEventsAsync())
        {
            events.Add(item.Type);
        }

        Assert.That(events, Does.Contain(JobEventType.Started).And.Contain(JobEventType.Progress));
        Assert.That(events[^1], Is.EqualTo(JobEventType.Finished), job.LastEvent?.Error?.Message);
        JobResult expected = await FleetServer.DoLocallyAsync(request);
        Assert.That(job.Result!.Parts.Select(part => part.Content), Is.EqualTo(expected.Parts.Select(part => part.Content)));
        Assert.That(job.Result.Parts.Select(part => part.Seed), Is.EqualTo(new long?[] { 7, 8 }));
        Assert.That(job.Bytes, Is.GreaterThan(0), "the worker planned it");
    }

    [Test]
    public async Task AnAnswerComesInPiecesThroughTheUsualApi()
    {
        await _fleet.AddWorkerAsync();
        const string Ask = """{"model":"tiny-llm","messages":[{"role":"user","content":"hello"}],"max_tokens":12,"temperature":0""";
        (HttpStatusCode status, JsonElement whole) = await _fleet.PostAsync("/v1/chat/completions", Ask + "}");
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK), whole.ToString());
        string expected = whole.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
        Assert.That(whole.GetProperty("usage").GetProperty("completion_tokens").GetInt32(), Is.GreaterThan(0));

        using StringContent content = new(Ask + ",\"stream\":true}", Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await _fleet.Client.PostAsync(new Uri("/v1/chat/completions", UriKind.Relative), content);
        StringBuilder pieces = new();
        foreach (string line in (await response.Content.ReadAsStringAsync()).Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal)))
        {
            JsonElement choice = JsonElement.Parse(line[6..]).GetProperty("choices") is { } choices && choices.GetArrayLength() > 0 ? choices[0] : default;
            if (choice.ValueKind == JsonValueKind.Object && choice.GetProperty("delta").TryGetProperty("content", out JsonElement piece))
            {
                pieces.Append(piece.GetString());
            }
        }

        Assert.That(pieces.ToString(), Is.EqualTo(expected));
    }

    [Test]
    public async Task WhatMakesNoSenseIsRefusedBeforeItIsQueued()
    {
        await _fleet.AddWorkerAsync();
        (HttpStatusCode status, JsonElement body) = await _fleet.PostAsync("/jobs", """{"kind":"image","model":"tiny-shapes","image":{"prompt":"a","width":65}}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(body.GetProperty("error").GetProperty("param").GetString(), Is.EqualTo("width"));
        (status, body) = await _fleet.PostAsync("/jobs", """{"kind":"image","model":"none","image":{"prompt":"a"}}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(body.GetProperty("error").GetProperty("message").GetString(), Does.Contain("tiny-shapes"));
        (status, body) = await _fleet.PostAsync("/jobs", """{"kind":"chat","model":"tiny-shapes","text":{"messages":[{"role":"user","content":"a"}]}}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.BadRequest));
        Assert.That(body.GetProperty("error").GetProperty("message").GetString(), Does.Contain("tiny-llm"));
    }

    [Test]
    public async Task TheStatusTellsOfWorkersAndTheirModels()
    {
        FleetWorker worker = await _fleet.AddWorkerAsync();
        using HttpResponseMessage response = await _fleet.Client.GetAsync(new Uri("/status", UriKind.Relative));
        JsonElement status = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        JsonElement only = status.GetProperty("workers")[0];
        Assert.That(only.GetProperty("name").GetString(), Is.EqualTo(worker.Name));
        Assert.That(only.GetProperty("models").EnumerateArray().Select(model => model.GetString()), Is.EqualTo(new[] { "tiny-llm", "tiny-shapes" }));
        await _fleet.RemoveWorkerAsync(worker);
        await FleetServer.WaitAsync(() => _fleet.Server.Models.Workers.Count == 0, "the worker has not left");
        Assert.That(_fleet.Server.Models.Models.Select(model => model.Name), Is.EqualTo(new[] { "tiny-llm", "tiny-shapes" }), "models of workers that come back");
    }

    [Test]
    public async Task AJobWaitsForAWorkerThatComes()
    {
        await _fleet.RemoveWorkerAsync(await _fleet.AddWorkerAsync());
        Job job = _fleet.Server.Queue.Submit(FleetServer.Picture(1), "local");
        await Task.Delay(300);
        Assert.That(job.State, Is.EqualTo(JobState.Queued));
        await _fleet.AddWorkerAsync();
        Assert.That((await FleetServer.EndAsync(job)).Type, Is.EqualTo(JobEventType.Finished));
    }

    [Test]
    public async Task WithoutAnyWorkerEverThereIsNoModel()
    {
        (HttpStatusCode status, JsonElement body) = await _fleet.PostAsync("/jobs", """{"kind":"image","image":{"prompt":"a"}}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(body.GetProperty("error").GetProperty("code").GetString(), Is.EqualTo("model_not_found"));
    }

    [Test]
    public async Task AJobIsCancelledWaitingAndBeingDone()
    {
        FleetWorker worker = await _fleet.AddWorkerAsync();
        Job running = _fleet.Server.Queue.Submit(FleetServer.Picture(1, steps: 900, count: 8), "local"), waiting = _fleet.Server.Queue.Submit(FleetServer.Picture(2, steps: 900, count: 8), "local");
        await FleetServer.WaitAsync(() => running.LastProgress is { Stage: "denoising", Step: > 0 }, "it does not begin");
        _fleet.Server.Queue.Cancel(waiting);
        _fleet.Server.Queue.Cancel(running);
        Assert.That((await FleetServer.EndAsync(waiting)).Type, Is.EqualTo(JobEventType.Cancelled));
        Assert.That((await FleetServer.EndAsync(running)).Type, Is.EqualTo(JobEventType.Cancelled));

        // The worker is free at once, and never does the one that waited.
        Job next = _fleet.Server.Queue.Submit(FleetServer.Picture(3), "local");
        Assert.That((await FleetServer.EndAsync(next)).Type, Is.EqualTo(JobEventType.Finished));
        Assert.That(worker.DoneCount, Is.EqualTo(1));
    }

    [Test]
    public async Task ALargeRequestGoesThroughTheStoreAndItsRefusalComesBack()
    {
        await _fleet.AddWorkerAsync();
        Job job = _fleet.Server.Queue.Submit(new JobRequest { Kind = JobKind.Completion, Model = "tiny-llm", Text = new TextParameters { Prompt = string.Concat(Enumerable.Repeat("word ", 130_000)), MaxTokens = 4 } }, "local");
        JobEvent last = await FleetServer.EndAsync(job);
        Assert.That(last.Type, Is.EqualTo(JobEventType.Failed));
        Assert.That(last.Error!.Code, Is.EqualTo("context_length_exceeded"));
        IReadOnlyList<DeadJob> dead = await DeadJob.ListAsync(FleetServer.Options(_nats.Url));
        Assert.That(dead.Single(), Is.EqualTo(new DeadJob(job.Id, "context_length_exceeded", last.Error.Message, dead[0].Worker, 1)));
    }

    [Test]
    public async Task AJobThatFailsEverywhereIsGivenUpWithItsReason()
    {
        FleetOptions options = FleetServer.Options(_nats.Url) with { MostAttempts = 3 };
        await using BrokenModels models = new();
        await using FleetWorker worker = await FleetWorker.ConnectAsync(new WorkerOptions { Fleet = options, Name = "broken" }, models, NullLoggerFactory.Instance);
        using CancellationTokenSource stop = new();
        Task work = worker.RunAsync(stop.Token);
        await FleetServer.WaitAsync(() => _fleet.Server.Models.Workers.Count == 1, "the worker has not come");
        Job job = _fleet.Server.Queue.Submit(FleetServer.Picture(1), "local");
        JobEvent last = await FleetServer.EndAsync(job);
        Assert.That((last.Type, last.Error?.Code), Is.EqualTo((JobEventType.Failed, "internal_error")));
        Assert.That(models.Attempts, Is.EqualTo(3));
        Assert.That((await DeadJob.ListAsync(options)).Single(), Is.EqualTo(new DeadJob(job.Id, "internal_error", last.Error!.Message, "broken", 3)));
        await stop.CancelAsync();
        await work;
        (int exitCode, string output) = WorkerProcess.Run(["work", "--queue", _nats.Url, "--dead"]);
        Assert.That((exitCode, output), Is.EqualTo((0, output)));
        Assert.That(output, Does.Contain(job.Id).And.Contain("internal_error").And.Contain("broken"));
    }

    [Test]
    public async Task AWorkerThatIsStoppedHandsItsJobOnWithWhatItHas()
    {
        FleetOptions options = FleetServer.Options(_nats.Url);
        FleetWorker first = await _fleet.AddWorkerAsync(new WorkerOptions { Fleet = options, DrainTime = TimeSpan.Zero, SavePause = TimeSpan.Zero });
        JobRequest request = FleetServer.Picture(3, steps: 60, count: 2, sampler: "DPM++ 2M SDE");
        Job job = _fleet.Server.Queue.Submit(request, "local");
        await FleetServer.WaitAsync(() => job.LastProgress is { Stage: "denoising", Step: > 20 }, "it does not begin");
        int step = job.LastProgress!.Step!.Value;
        await _fleet.RemoveWorkerAsync(first);
        await _fleet.AddWorkerAsync();
        Assert.That((await FleetServer.EndAsync(job)).Type, Is.EqualTo(JobEventType.Finished), job.LastEvent?.Error?.Message);
        List<JobEvent> events = [];
        await foreach ((_, JobEvent item) in job.ReadEventsAsync())
        {
            events.Add(item);
        }

        int second = events.FindLastIndex(item => item.Type == JobEventType.Started);
        JobEvent begin = events.Skip(second).First(item => item is { Type: JobEventType.Progress, Stage: "denoising", Step: > 0 });
        Assert.That(begin.Step, Is.GreaterThanOrEqualTo(step), "it goes on where it was");
        Assert.That(job.Result!.Parts.Select(part => part.Content), Is.EqualTo((await FleetServer.DoLocallyAsync(request)).Parts.Select(part => part.Content)));
    }

    /// <summary>A model at which every job fails.</summary>
    private sealed class BrokenModels : IServedModels
    {
        private int _attempts;

        public int Attempts => _attempts;

        public IReadOnlyList<ModelStatus> Models { get; } = [new ModelStatus("tiny-shapes", [JobKind.Image], DateTimeOffset.UnixEpoch, false, 0, 0, 0, new ModelFacts())];

        public long? Budget => null;

        public long TakenBytes => 0;

        public (string Model, long Bytes) Examine(JobRequest request) => ("tiny-shapes", 1);

        public IDisposable? TryReserve(string model, long bytes) => new MemoryStream();

        public Task<JobResult> RunAsync(JobWork work, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _attempts);
            throw new InvalidOperationException("It is broken.");
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
