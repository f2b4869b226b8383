using Microsoft.Extensions.Logging.Abstractions;
using NATS.Client.Core;
using NATS.Client.JetStream;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet.Tests;

/// <summary>What is tried again on the queue, what is not, and what is said of it.</summary>
public class FleetConnectionTests
{
    [Test]
    public async Task AMessageThatIsStoredAlreadyIsStored()
    {
        // As where the confirmation of the first time got lost with a server.
        using NatsServer nats = NatsServer.Start();
        await using FleetConnection connection = await OpenAsync(nats);
        Task twice = Task.WhenAll(StoreAsync(connection, 10), StoreAsync(connection, 10));
        await twice.WaitAsync(TimeSpan.FromSeconds(10));
        await using NatsConnection other = new(NatsOpts.Default with { Url = nats.Url });
        INatsJSStream jobs = await new NatsJSContext(other).GetStreamAsync(FleetNames.JobStream);
        Assert.That(jobs.Info.State.Messages, Is.EqualTo(1));
    }

    [Test]
    public async Task WhatTheQueueRefusesIsNotTriedAgain()
    {
        using NatsServer nats = NatsServer.Start("max_payload: 64K");
        await using FleetConnection connection = await OpenAsync(nats);
        FleetException refused = Assert.ThrowsAsync<FleetException>(() => StoreAsync(connection, 100_000).WaitAsync(TimeSpan.FromSeconds(10)))!;
        Assert.That(refused.IsRefusal, Is.True);
        Assert.That(refused.Message, Does.StartWith("The queue refused to store a message of jobs: ").And.Contain("payload").IgnoreCase);
    }

    [Test]
    public async Task WhatIsOutOfReachForTooLongSaysWhatAndWhy()
    {
        using NatsServer nats = NatsServer.Start();
        await using FleetModels models = await FleetModels.ConnectAsync(FleetServer.Options(nats.Url) with { Patience = TimeSpan.FromSeconds(2) }, NullLoggerFactory.Instance);
        nats.Kill();
        JobRefusedException refused = Assert.ThrowsAsync<JobRefusedException>(() => models.RunAsync(new JobWork("lost", "tiny-shapes", FleetServer.Picture(1), 0, _ => { }), CancellationToken.None))!;
        Assert.That(refused.Error.Code, Is.EqualTo("queue_unavailable"));
        Assert.That(refused.Message, Does.Match("^The queue was out of reach for 2 seconds when it was asked to store a message of jobs: .+\\. Try again later\\.$"));
    }

    [Test]
    public async Task FilesAndOutcomesOutliveAQueueThatIsStartedAgain()
    {
        using NatsServer nats = NatsServer.Start();
        await using FleetConnection connection = await OpenAsync(nats);
        byte[] bytes = new byte[300_000];
        new Random(1).NextBytes(bytes);
        Task writing = connection.WriteFileAsync("a/saved", bytes, CancellationToken.None);
        nats.Kill();
        Task<FleetOutcome> deciding = connection.DecideAsync("a", new FleetOutcome(JobState.Finished, 1, "first"), CancellationToken.None);
        nats.StartAgain();
        await writing;
        await deciding;
        Assert.That(await connection.ReadStoredFileAsync("a/saved", CancellationToken.None), Is.EqualTo(bytes));
        Assert.That(await connection.ReadFileAsync("b/saved", CancellationToken.None), Is.Null);
        FleetOutcome second = await connection.DecideAsync("a", new FleetOutcome(JobState.Failed, 2, "second"), CancellationToken.None);
        Assert.That((second.Worker, second.Attempt), Is.EqualTo(("first", 1)), "the first one counts");
        Assert.That(await connection.CountAsync("a", CancellationToken.None), Is.EqualTo(1));
        Assert.That(await connection.CountAsync("a", CancellationToken.None), Is.EqualTo(2));
    }

    private static Task<FleetConnection> OpenAsync(NatsServer nats) => FleetConnection.OpenAsync(FleetServer.Options(nats.Url), "test", NullLogger.Instance, CancellationToken.None);

    private static Task StoreAsync(FleetConnection connection, int count) => connection.StoreAsync(FleetNames.Jobs("none"), new byte[count], "the same", CancellationToken.None);
}
