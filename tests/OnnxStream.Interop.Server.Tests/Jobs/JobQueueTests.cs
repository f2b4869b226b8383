using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Tests.Jobs;

public class JobQueueTests
{
    [Test]
    public async Task OwnersTakeTurns()
    {
        Workbench bench = new() { MostBytes = 1 };
        await using JobQueue queue = Make(bench, new JobQueueOptions { MostRunning = 1 });
        Job first = queue.Submit(Request("a0"), "a");
        Job[] jobs = [queue.Submit(Request("a1"), "a"), queue.Submit(Request("a2"), "a"), queue.Submit(Request("a3"), "a"), queue.Submit(Request("b1"), "b"), queue.Submit(Request("b2"), "b")];
        Assert.That(jobs.Select(job => job.Position), Is.EqualTo(new[] { 1, 3, 5, 2, 4 }));
        bench.Open.Set();
        foreach (Job job in jobs)
        {
            await job.WaitAsync();
        }

        Assert.That(bench.Done, Is.EqualTo(new[] { "a0", "a1", "b1", "a2", "b2", "a3" }));
        Assert.That(first.State, Is.EqualTo(JobState.Finished));
    }

    [Test]
    public async Task NobodyOvertakesAJobThatWaitsForMemory()
    {
        Workbench bench = new() { MostBytes = 10 };
        await using JobQueue queue = Make(bench, new JobQueueOptions { MostRunning = 4 });
        Job small = queue.Submit(Request("small", 6), "a"), large = queue.Submit(Request("large", 8), "b"), late = queue.Submit(Request("late", 2), "c");
        Assert.That(new[] { small.State, large.State, late.State }, Is.EqualTo(new[] { JobState.Running, JobState.Queued, JobState.Queued }));
        bench.Open.Set();
        await late.WaitAsync();
        Assert.That(bench.MostTaken, Is.LessThanOrEqualTo(10));
    }

    [Test]
    public async Task AFullQueueRefuses()
    {
        Workbench bench = new() { MostBytes = 1 };
        await using JobQueue queue = Make(bench, new JobQueueOptions { MostRunning = 1, MostWaiting = 2, MostOfOneOwner = 2 });
        queue.Submit(Request("1"), "a");
        queue.Submit(Request("2"), "a");
        Assert.That(Assert.Throws<JobRefusedException>(() => queue.Submit(Request("3"), "a")).Reason, Is.EqualTo(RefusalReason.Owner));
        queue.Submit(Request("4"), "b");
        Assert.That(Assert.Throws<JobRefusedException>(() => queue.Submit(Request("5"), "c")).Reason, Is.EqualTo(RefusalReason.Server));
        bench.Open.Set();
    }

    [Test]
    public async Task JobsAreCancelledWaitingAndRunning()
    {
        Workbench bench = new() { MostBytes = 1 };
        await using JobQueue queue = Make(bench, new JobQueueOptions { MostRunning = 1 });
        Job running = queue.Submit(Request("1"), "a"), waiting = queue.Submit(Request("2"), "a"), last = queue.Submit(Request("3"), "a");
        queue.Cancel(waiting);
        queue.Cancel(running);
        Assert.That((await running.WaitAsync()).Type, Is.EqualTo(JobEventType.Cancelled));
        Assert.That((await waiting.WaitAsync()).Type, Is.EqualTo(JobEventType.Cancelled));
        bench.Open.Set();
        Assert.That((await last.WaitAsync()).Type, Is.EqualTo(JobEventType.Finished));
    }

    [Test]
    public async Task ADrainedQueueEndsWhatRunsAndRefusesTheRest()
    {
        Workbench bench = new() { MostBytes = 1 };
        await using JobQueue queue = Make(bench, new JobQueueOptions { MostRunning = 1 });
        Job running = queue.Submit(Request("1"), "a"), waiting = queue.Submit(Request("2"), "a");
        Task drained = queue.DrainAsync(TimeSpan.FromMinutes(1));
        Assert.That((await waiting.WaitAsync()).Type, Is.EqualTo(JobEventType.Cancelled));
        Assert.Throws<JobRefusedException>(() => queue.Submit(Request("3"), "a"));
        bench.Open.Set();
        await drained;
        Assert.That(running.State, Is.EqualTo(JobState.Finished));
    }

    [Test]
    public async Task EventsAreReadFromAnyNumberOn()
    {
        Workbench bench = new() { MostBytes = 1 };
        await using JobQueue queue = Make(bench, new JobQueueOptions { MostRunning = 1 });
        Job job = queue.Submit(Request("1"), "a");
        bench.Open.Set();
        await job.WaitAsync();
        List<JobEventType> all = [], rest = [];
        await foreach ((int _, JobEvent item) in job.ReadEventsAsync())
        {
            all.Add(item.Type);
        }

        await foreach ((int _, JobEvent item) in job.ReadEventsAsync(1))
        {
            rest.Add(item.Type);
        }

        Assert.That(all, Is.EqualTo(new[] { JobEventType.Started, JobEventType.Text, JobEventType.Finished }));
        Assert.That(rest, Is.EqualTo(all[1..]));
    }

    [Test]
    public async Task JobsThatEndedAreForgottenWhenThereAreTooMany()
    {
        Workbench bench = new() { MostBytes = 1 };
        bench.Open.Set();
        await using JobQueue queue = Make(bench, new JobQueueOptions { MostKept = 3 });
        List<Job> jobs = [];
        for (int i = 0; i < 10; i++)
        {
            Job job = queue.Submit(Request($"{i}"), "a");
            await job.WaitAsync();
            jobs.Add(job);
        }

        Assert.That(jobs.Count(job => queue.Find(job.Id, "a") is not null), Is.EqualTo(3));
        Assert.That(queue.Find(jobs[^1].Id, "b"), Is.Null, "another's job");
    }

    private static JobQueue Make(Workbench bench, JobQueueOptions options) => new(bench, new JobLimits(), options, TimeProvider.System, NullLogger<JobQueue>.Instance);

    private static JobRequest Request(string name, long bytes = 1) => new() { Kind = JobKind.Completion, Text = new TextParameters { Prompt = name, MaxTokens = (int)bytes } };

    /// <summary>What does the jobs of these tests: it has a number of bytes, and writes down what it did.</summary>
    private sealed class Workbench : IJobModels
    {
        private readonly Lock _lock = new();
        private long _taken;

        public required long MostBytes { get; init; }

        public ManualResetEventSlim Open { get; } = new();

        public ConcurrentQueue<string> Done { get; } = new();

        public long MostTaken { get; private set; }

        public (string Model, long Bytes) Examine(JobRequest request) => ("bench", request.Text!.MaxTokens!.Value);

        public IDisposable? TryReserve(string model, long bytes)
        {
            lock (_lock)
            {
                if (_taken + bytes > MostBytes)
                {
                    return null;
                }

                _taken += bytes;
                MostTaken = Math.Max(MostTaken, _taken);
                return new Place(this, bytes);
            }
        }

        public async Task<JobResult> RunAsync(JobWork work, CancellationToken cancellationToken)
        {
            await Task.Run(() => Open.Wait(cancellationToken), CancellationToken.None);
            Done.Enqueue(work.Request.Text!.Prompt!);
            work.Report(new JobEvent(JobEventType.Text) { Text = "piece" });
            return new JobResult([new JobPart([1, 2, 3], "application/octet-stream")]);
        }

        private sealed class Place(Workbench bench, long bytes) : IDisposable
        {
            public void Dispose()
            {
                lock (bench._lock)
                {
                    bench._taken -= bytes;
                }
            }
        }
    }
}
