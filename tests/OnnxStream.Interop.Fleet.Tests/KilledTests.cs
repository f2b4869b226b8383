using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Fleet.Tests;

/// <summary>Workers and servers of the queue end as in a power failure, in the middle of their work.</summary>
[Platform(Include = "Linux,MacOsX")]
public class KilledTests
{
    [Test]
    public async Task AnotherWorkerGoesOnWithTheJobOfOneThatWasKilled()
    {
        using NatsServer nats = NatsServer.Start();
        await using FleetServer fleet = await FleetServer.StartAsync(FleetServer.Options(nats.Url));
        using WorkerProcess first = WorkerProcess.Start(nats.Url, "first");
        await FleetServer.WaitAsync(() => fleet.Server.Models.Workers.Count == 1, "the worker has not come");
        JobRequest request = FleetServer.Picture(5, steps: 300, count: 2, sampler: "Euler a");
        Job job = fleet.Server.Queue.Submit(request, "local");

        // Its state is kept once a second at most.
        await FleetServer.WaitAsync(() => job.LastProgress is { Stage: "denoising", Step: > 0 }, "it does not begin");
        await Task.Delay(2500);
        Assert.That(job.State, Is.EqualTo(JobState.Running), "the job is too short for this test");
        using WorkerProcess second = WorkerProcess.Start(nats.Url, "second");
        first.Kill();
        Assert.That((await FleetServer.EndAsync(job)).Type, Is.EqualTo(JobEventType.Finished), job.LastEvent?.Error?.Message);
        List<JobEvent> events = [];
        await foreach ((_, JobEvent item) in job.ReadEventsAsync())
        {
            events.Add(item);
        }

        int begin = events.FindLastIndex(item => item.Type == JobEventType.Started);
        JobEvent next = events.Skip(begin).First(item => item is { Type: JobEventType.Progress, Stage: "denoising", Step: > 0 });
        Assert.That(events.Count(item => item.Type == JobEventType.Started), Is.EqualTo(2));
        Assert.That(next.Step, Is.GreaterThan(8), "it goes on from a saved step");
        Assert.That(job.Result!.Parts.Select(part => part.Content), Is.EqualTo((await FleetServer.DoLocallyAsync(request)).Parts.Select(part => part.Content)));
    }

    [Test]
    public async Task OfThirtyJobsEachIsDoneOnceWhileWorkersAreKilled()
    {
        const int Jobs = 30, Kills = 5;
        using NatsServer nats = NatsServer.Start();
        await using FleetServer fleet = await FleetServer.StartAsync(FleetServer.Options(nats.Url));
        int started = 0;
        WorkerProcess[] workers = [.. Enumerable.Range(0, 2).Select(_ => WorkerProcess.Start(nats.Url, $"w{started++}", "--parallel", "2"))];
        try
        {
            await FleetServer.WaitAsync(() => fleet.Server.Models.Workers.Count == 2, "the workers have not come");
            Job[] jobs = [.. Enumerable.Range(0, Jobs).Select(i => fleet.Server.Queue.Submit(FleetServer.Picture(i, steps: 10), "local"))];
            Random random = new(1);
            for (int kill = 0; kill < Kills && jobs.Any(job => job.Ended is null); kill++)
            {
                await Task.Delay(random.Next(500, 1500));
                int victim = random.Next(workers.Length);
                workers[victim].Kill();
                workers[victim].Dispose();
                workers[victim] = WorkerProcess.Start(nats.Url, $"w{started++}", "--parallel", "2");
            }

            foreach (Job job in jobs)
            {
                Assert.That((await FleetServer.EndAsync(job)).Type, Is.EqualTo(JobEventType.Finished), job.LastEvent?.Error?.Message);
            }

            Assert.That(jobs.Select(job => job.Result!.Parts.Single().Seed), Is.EqualTo(Enumerable.Range(0, Jobs).Select(i => (long?)i)));
            Assert.That(await DeadJob.ListAsync(FleetServer.Options(nats.Url)), Is.Empty);
            await Remains.AreNoneAsync(nats.Url, jobs);
        }
        finally
        {
            foreach (WorkerProcess worker in workers)
            {
                worker.Dispose();
            }
        }
    }

    [Test]
    public async Task OfThreeServersOfTheQueueOneMayBeKilled()
    {
        const int Jobs = 16;
        NatsServer[] cluster = NatsServer.StartCluster(3);
        try
        {
            string url = string.Join(",", cluster.Select(server => server.Url));
            FleetOptions options = FleetServer.Options(url) with { Replicas = 3 };
            await using FleetServer fleet = await FleetServer.StartAsync(options);
            await fleet.AddWorkerAsync();
            await fleet.AddWorkerAsync();
            Job[] jobs = [.. Enumerable.Range(0, Jobs).Select(i => fleet.Server.Queue.Submit(FleetServer.Picture(i, steps: 8), "local"))];
            await FleetServer.WaitAsync(() => jobs.Any(job => job.Ended is not null), "none is done");
            cluster[1].Kill();
            await FleetServer.WaitAsync(() => jobs.Count(job => job.Ended is not null) > Jobs / 2, "the queue stands still without one of its servers");
            cluster[1].StartAgain();
            foreach (Job job in jobs)
            {
                Assert.That((await FleetServer.EndAsync(job)).Type, Is.EqualTo(JobEventType.Finished), job.LastEvent?.Error?.Message);
            }

            Assert.That(jobs.Select(job => job.Result!.Parts.Single().Seed), Is.EqualTo(Enumerable.Range(0, Jobs).Select(i => (long?)i)));
        }
        finally
        {
            foreach (NatsServer server in cluster)
            {
                server.Dispose();
            }
        }
    }
}
