using System.Net;
using System.Text.Json;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Tests;

public class ModelServerTests
{
    // Two pictures of the demo model fit, and not much more.
    private const long Budget = 48 << 20;

    [Test]
    public async Task TwoHundredRequestsAreAnsweredOrRefusedWithinTheBudget()
    {
        await using RunningServer server = await RunningServer.StartAsync(options => options with
        {
            Models = options.Models with { Budget = Budget },
            Queue = new JobQueueOptions { MostWaiting = 8, MostOfOneOwner = 1000, MostRunning = 8 },
        });
        long most = 0;
        using CancellationTokenSource stop = new();
        Task watching = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                most = Math.Max(most, server.Server.Models.TakenBytes);
                await Task.Delay(1);
            }
        });
        (HttpStatusCode Status, bool HasRetryAfter)[] answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(async i =>
        {
            using StringContent content = new($$"""{"prompt":"a red circle","steps":1,"seed":{{i}}}""", System.Text.Encoding.UTF8, "application/json");
            using HttpResponseMessage response = await server.Client.PostAsync(new Uri("/v1/images/generations", UriKind.Relative), content);
            return (response.StatusCode, response.Headers.RetryAfter is not null);
        }));
        await stop.CancelAsync();
        await watching;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(answers.Select(answer => answer.Status), Is.All.AnyOf(HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, HttpStatusCode.TooManyRequests));
            Assert.That(answers.Where(answer => answer.Status != HttpStatusCode.OK).Select(answer => answer.HasRetryAfter), Is.All.True);
            Assert.That(answers.Count(answer => answer.Status == HttpStatusCode.OK), Is.GreaterThanOrEqualTo(9));
            Assert.That(most, Is.InRange(1, Budget));
            Assert.That(server.Server.Models.TakenBytes, Is.Zero);
        }
    }

    [Test]
    public async Task WhatNeverFitsIsRefusedBeforeItIsQueued()
    {
        await using RunningServer server = await RunningServer.StartAsync(options => options with { Models = options.Models with { Budget = 1 << 20 } });
        (HttpStatusCode status, JsonElement body) = await server.PostAsync("/v1/images/generations", """{"prompt":"a red circle"}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.ServiceUnavailable));
        Assert.That(body.GetProperty("error").GetProperty("code").GetString(), Is.EqualTo("insufficient_memory"));
    }

    [Test]
    public async Task IdleModelsAreLetGo()
    {
        await using RunningServer server = await RunningServer.StartAsync(options => options with { Models = options.Models with { IdleTime = TimeSpan.FromSeconds(0.5) } });
        (HttpStatusCode status, _) = await server.PostAsync("/v1/completions", """{"prompt":"hello","max_tokens":2}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(server.Server.Models.TakenBytes, Is.GreaterThan(0));
        for (int i = 0; i < 100 && server.Server.Models.TakenBytes > 0; i++)
        {
            await Task.Delay(50);
        }

        Assert.That(server.Server.Models.TakenBytes, Is.Zero);
    }

    [Test]
    public async Task AnIdleModelGivesWayToAnother()
    {
        // The picture has room only where the language model is closed.
        long text, picture;
        await using (RunningServer measuring = await RunningServer.StartAsync())
        {
            _ = await measuring.PostAsync("/v1/completions", """{"prompt":"hello","max_tokens":1}""");
            text = measuring.Server.Models.TakenBytes;
            picture = measuring.Server.Models.Examine(new JobRequest { Kind = JobKind.Image, Image = new ImageParameters { Prompt = "x" } }).Bytes;
        }

        await using RunningServer server = await RunningServer.StartAsync(options => options with { Models = options.Models with { Budget = Math.Max(text, picture) + 1000 } });
        (HttpStatusCode first, _) = await server.PostAsync("/v1/completions", """{"prompt":"hello","max_tokens":1}""");
        (HttpStatusCode second, _) = await server.PostAsync("/v1/images/generations", """{"prompt":"a red circle","steps":1}""");
        Assert.That((first, second), Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.OK)));
        Assert.That(server.Server.Models.Models.Single(model => model.Name == "tiny-llm").IsOpen, Is.False);
    }

    [Test]
    public async Task AStoppedServerEndsWhatRuns()
    {
        RunningServer server = await RunningServer.StartAsync();
        Task<(HttpStatusCode Status, JsonElement Body)> picture = server.PostAsync("/v1/images/generations", """{"prompt":"a red circle","steps":20}""");
        while (server.Server.Queue.RunningCount == 0)
        {
            await Task.Delay(5);
        }

        await server.Server.StopAsync();
        Assert.That((await picture).Status, Is.EqualTo(HttpStatusCode.OK));
        await server.DisposeAsync();
    }

    [Test]
    public async Task MoreRequestsThanAreAllowedAreRefused()
    {
        await using RunningServer server = await RunningServer.StartAsync(options => options with { RequestsPerMinute = 5 });
        HttpStatusCode[] statuses = new HttpStatusCode[8];
        for (int i = 0; i < statuses.Length; i++)
        {
            statuses[i] = (await server.GetAsync("/v1/models")).Status;
        }

        Assert.That(statuses[0], Is.EqualTo(HttpStatusCode.OK));
        Assert.That(statuses[^1], Is.EqualTo(HttpStatusCode.TooManyRequests));
    }

    [Test]
    public async Task KeysSeeTheirOwnJobsAlone()
    {
        string[] keys = ["the-first-key-of-two", "the-second-key-of-two"];
        await using RunningServer server = await RunningServer.StartAsync(options => options with { ApiKeys = keys }, keys[0]);
        (_, JsonElement job) = await server.PostAsync("/jobs", """{"kind":"image","image":{"prompt":"x","steps":1}}""");
        using HttpRequestMessage request = new(HttpMethod.Get, $"/jobs/{job.GetProperty("id").GetString()}");
        request.Headers.Authorization = new("Bearer", keys[1]);
        using HttpResponseMessage other = await server.Client.SendAsync(request);
        Assert.That(other.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        using HttpRequestMessage without = new(HttpMethod.Get, "/v1/models");
        using HttpClient stranger = new() { BaseAddress = server.Client.BaseAddress };
        Assert.That((await stranger.SendAsync(without)).StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That((await stranger.GetAsync(new Uri("/ready", UriKind.Relative))).StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }
}
