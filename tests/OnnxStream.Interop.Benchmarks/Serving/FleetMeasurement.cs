using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using OnnxStream.Interop.Benchmarks.Comparisons;
using OnnxStream.Interop.Benchmarks.Engines;

namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary>Measures a fleet: a server, three servers of the queue, and workers, all on this machine.</summary>
/// <param name="options">What is measured.</param>
/// <param name="log">Is told how far it is.</param>
internal sealed class FleetMeasurement(ServeOptions options, Action<string> log)
{
    private const int CalmJobs = 60;

    private static readonly TimeSpan s_most = TimeSpan.FromMinutes(8);

    private readonly string _model = Path.GetFileName(Path.TrimEndingDirectorySeparator(options.Pictures));

    private int _started;

    /// <summary>Measures.</summary>
    public async Task<FleetResults> RunAsync(CancellationToken cancellationToken)
    {
        double direct;
        using (MeasuredServer alone = await MeasuredServer.StartAsync(options.Tool, ["--model", options.Pictures, "--threads", "1"], cancellationToken))
        {
            direct = await LatencyAsync(alone, cancellationToken);
        }

        using QueueCluster queue = new();
        await queue.WaitAsync(cancellationToken);
        using MeasuredServer server = await MeasuredServer.StartAsync(
            options.Tool, ["--queue", queue.Url, "--queue-replicas", "3", "--lease", "2", "--attempts", "20", "--parallel", $"{options.Jobs}", "--queue-length", $"{options.Jobs}"], cancellationToken);
        ServingProcess[] workers = [.. Enumerable.Range(0, ServeOptions.Workers).Select(_ => Worker(queue))];
        List<ServingProcess> all = [.. workers];
        try
        {
            while ((await server.GetAsync("/status", cancellationToken)).GetProperty("workers").GetArrayLength() < workers.Length)
            {
                await Task.Delay(100, cancellationToken);
            }

            log("a fleet without failures");
            double queued = await LatencyAsync(server, cancellationToken);
            List<CalmResults> calm = [];
            foreach (int steps in (int[])[1, ServeOptions.Steps])
            {
                calm.Add(await CalmAsync(server, queue, workers, steps, cancellationToken));
            }

            log($"{options.Jobs} jobs, {options.Kills} kills");
            int before = all.Sum(Attempts);
            long begin = Stopwatch.GetTimestamp();
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(s_most);
            Task<string[]> submitting = SubmitAsync(server, options.Jobs, ServeOptions.Steps, limit.Token);
            (int killedWorkers, int killedServers) = await KillAsync(queue, workers, all, limit.Token);
            List<JsonElement> jobs = await EndAsync(server, await submitting, limit.Token);
            TimeSpan elapsed = Stopwatch.GetElapsedTime(begin);
            MeasuredProcess dead = MeasuredProcess.Run(new ProcessStartInfo(options.Tool, ["work", "--queue", queue.Url, "--dead", "--quiet"]), cancellationToken);
            return new FleetResults(
                direct, queued, calm, killedWorkers, killedServers, elapsed,
                jobs.CountBy(job => job.GetProperty("state").GetString()!).ToDictionary(),
                all.Sum(Attempts) - before,
                all.Sum(worker => worker.Lines("was ended by").Count),
                dead.Output.Split('\n').Count(line => jobs.Any(job => line.Contains(job.GetProperty("id").GetString()!, StringComparison.Ordinal))),
                [.. jobs.Where(job => job.TryGetProperty("error", out _)).Select(job => job.GetProperty("error").ToString()).Distinct()]);
        }
        finally
        {
            foreach (ServingProcess worker in workers)
            {
                worker.Dispose();
            }
        }
    }

    private static int Attempts(ServingProcess worker) => worker.Lines(" begins, attempt ").Count;

    private ServingProcess Worker(QueueCluster queue) => new(
        options.Tool, ["work", "--queue", queue.Url, "--model", options.Pictures, "--threads", "1", "--lease", "2", "--attempts", "20", "--name", $"w{++_started}"]);

    // One job after another, from the request to the picture.
    private async Task<double> LatencyAsync(MeasuredServer server, CancellationToken cancellationToken)
    {
        List<double> seconds = [];
        for (int i = 0; i < 22; i++)
        {
            long begin = Stopwatch.GetTimestamp();
            await server.DoAsync("/v1/images/generations", $$"""{"model":"{{_model}}","prompt":"a red circle","steps":1,"seed":1}""", cancellationToken);
            if (i >= 2)
            {
                seconds.Add(Stopwatch.GetElapsedTime(begin).TotalSeconds);
            }
        }

        return seconds.Median();
    }

    private async Task<CalmResults> CalmAsync(MeasuredServer server, QueueCluster queue, ServingProcess[] workers, int steps, CancellationToken cancellationToken)
    {
        TimeSpan[] before = Times();
        long begin = Stopwatch.GetTimestamp();
        List<JsonElement> jobs = await EndAsync(server, await SubmitAsync(server, CalmJobs, steps, cancellationToken), cancellationToken);
        TimeSpan elapsed = Stopwatch.GetElapsedTime(begin);
        TimeSpan[] after = Times();
        log(string.Create(CultureInfo.InvariantCulture, $"{CalmJobs} jobs of {steps} steps: {elapsed.TotalSeconds:0.0} s"));
        return jobs.All(job => job.GetProperty("state").GetString() == "finished")
            ? new CalmResults(steps, CalmJobs, elapsed, after[0] - before[0], after[1] - before[1], after[2] - before[2])
            : throw new IOException($"A job failed: {jobs.First(job => job.GetProperty("state").GetString() != "finished")}");

        TimeSpan[] Times() => [server.Process.Figures.ProcessorTime, Sum(queue.Servers), Sum(workers)];
    }

    private static TimeSpan Sum(IEnumerable<ServingProcess> processes) => processes.Aggregate(TimeSpan.Zero, (sum, process) => sum + process.Figures.ProcessorTime);

    // Whoever is told to come again does.
    private async Task<string[]> SubmitAsync(MeasuredServer server, int count, int steps, CancellationToken cancellationToken)
    {
        string[] ids = new string[count];
        for (int i = 0; i < count; i++)
        {
            while (true)
            {
                string json = $$"""{"kind":"image","model":"{{_model}}","image":{"prompt":"a red circle","steps":{{steps}},"seed":{{i}} } }""";
                (HttpStatusCode status, _, string body) = await server.PostAsync("/jobs", json, cancellationToken);
                if (status == HttpStatusCode.Accepted)
                {
                    ids[i] = JsonElement.Parse(body).GetProperty("id").GetString()!;
                    break;
                }

                if (status is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable))
                {
                    throw new IOException($"/jobs answered {(int)status}: {body}");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(100), cancellationToken);
            }
        }

        return ids;
    }

    private static async Task<List<JsonElement>> EndAsync(MeasuredServer server, string[] ids, CancellationToken cancellationToken)
    {
        List<JsonElement> jobs = [];
        foreach (string id in ids)
        {
            JsonElement job;
            while ((job = await server.GetAsync($"/jobs/{id}", cancellationToken)).GetProperty("state").GetString() is "queued" or "running")
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
            }

            jobs.Add(job);
        }

        return jobs;
    }

    // Three of four are workers. One server of the queue at a time: two of three are needed.
    private async Task<(int Workers, int Servers)> KillAsync(QueueCluster queue, ServingProcess[] workers, List<ServingProcess> all, CancellationToken cancellationToken)
    {
        Random random = new(options.Seed);
        int killedWorkers = 0, killedServers = 0;
        for (int i = 0; i < options.Kills; i++)
        {
            await Task.Delay(random.Next(500, 1500), cancellationToken);
            if (random.Next(4) == 0)
            {
                await queue.RestartAsync(random.Next(3), TimeSpan.FromSeconds(1), cancellationToken);
                killedServers++;
            }
            else
            {
                int victim = random.Next(workers.Length);
                workers[victim].Dispose();
                workers[victim] = Worker(queue);
                all.Add(workers[victim]);
                killedWorkers++;
            }
        }

        return (killedWorkers, killedServers);
    }
}
