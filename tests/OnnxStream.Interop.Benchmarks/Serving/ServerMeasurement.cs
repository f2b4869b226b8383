using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using OnnxStream.Interop.Benchmarks.Engines;

namespace OnnxStream.Interop.Benchmarks.Serving;

/// <summary>Measures one server.</summary>
/// <param name="options">What is measured.</param>
/// <param name="log">Is told how far it is.</param>
internal sealed class ServerMeasurement(ServeOptions options, Action<string> log)
{
    private const int WarmRequests = 300;

    private readonly string _picture = Path.GetFileName(Path.TrimEndingDirectorySeparator(options.Pictures));

    private readonly string _language = Path.GetFileName(Path.TrimEndingDirectorySeparator(options.Language));

    /// <summary>Measures.</summary>
    public async Task<ServerResults> RunAsync(CancellationToken cancellationToken)
    {
        log("idle");
        ProcessFigures idle;
        TimeSpan idleTime;
        using (MeasuredServer server = await MeasuredServer.StartAsync(options.Tool, ["--model", options.Pictures], cancellationToken))
        {
            await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken);
            TimeSpan before = server.Process.Figures.ProcessorTime;
            await Task.Delay(TimeSpan.FromSeconds(10), cancellationToken);
            idle = server.Process.Figures;
            idleTime = idle.ProcessorTime - before;
        }

        List<(double Command, double Server)> pictures = [], tokens = [];
        using (MeasuredServer server = await MeasuredServer.StartAsync(options.Tool, ["--model", options.Pictures, "--model", options.Language, "--threads", "1"], cancellationToken))
        {
            for (int round = 0; round <= options.Rounds; round++)
            {
                (double, double) picture = (CommandPicture(cancellationToken), await ServerPictureAsync(server, cancellationToken));
                (double, double) token = (CommandToken(cancellationToken), await ServerTokenAsync(server, cancellationToken));
                log(string.Create(CultureInfo.InvariantCulture, $"round {round} of {options.Rounds}: picture {picture.Item1:0.000} s and {picture.Item2:0.000} s, token {token.Item1 * 1000:0.00} ms and {token.Item2 * 1000:0.00} ms"));
                if (round > 0)
                {
                    pictures.Add(picture);
                    tokens.Add(token);
                }
            }
        }

        using MeasuredServer limited = await MeasuredServer.StartAsync(options.Tool, ["--model", options.Pictures, "--threads", "1", "--memory", $"{ServeOptions.BudgetMib}MB"], cancellationToken);
        JsonElement first = JsonElement.Parse(await limited.DoAsync("/jobs", Job(ServeOptions.Steps), cancellationToken));
        log($"{ServeOptions.Simultaneous} requests at once");
        (HttpStatusCode Status, bool HasRetryAfter, string Body)[] answers = await Task.WhenAll(Enumerable.Range(0, ServeOptions.Simultaneous).Select(_ => limited.PostAsync("/v1/images/generations", Picture(ServeOptions.Steps, 1), cancellationToken)));
        ProcessFigures flooded = limited.Process.Figures;
        await RepeatAsync(limited, WarmRequests, cancellationToken);
        ProcessFigures calm = await RestAsync(limited, cancellationToken);
        log($"{options.Requests} requests");
        await RepeatAsync(limited, options.Requests, cancellationToken);
        return new ServerResults
        {
            Idle = idle,
            IdleTime = idleTime,
            Pictures = pictures,
            Tokens = tokens,
            Statuses = answers.CountBy(answer => (int)answer.Status).ToDictionary(),
            WithoutRetryAfter = answers.Count(answer => answer.Status != HttpStatusCode.OK && !answer.HasRetryAfter),
            Flooded = flooded,
            PlannedBytes = first.GetProperty("planned_bytes").GetInt64(),
            Repeated = (calm, await RestAsync(limited, cancellationToken)),
        };
    }

    // What it computes with, once its networks are loaded: a server has them open.
    private double CommandPicture(CancellationToken cancellationToken)
    {
        const int Count = 4;
        string output = Path.Combine(Path.GetTempPath(), $"onnxstream-bench-{Environment.ProcessId}.png");
        try
        {
            JsonElement report = Command(["sd", "a red circle", "--model", options.Pictures, "--steps", $"{ServeOptions.Steps}", "--seed", "1", "--count", $"{Count}", "--grid", "--output", output], cancellationToken);
            return (report.GetProperty("total_s").GetDouble() - report.GetProperty("stages").EnumerateArray().Sum(stage => stage.GetProperty("load_s").GetDouble())) / Count;
        }
        finally
        {
            File.Delete(output);
        }
    }

    private double CommandToken(CancellationToken cancellationToken)
    {
        JsonElement report = Command(["bench-llm", options.Language, "--prompt-tokens", "8", "--gen-tokens", $"{ServeOptions.Tokens}", "--repetitions", "5"], cancellationToken);
        return report.GetProperty("tests")[1].GetProperty("repetitions_s").EnumerateArray().Min(value => value.GetDouble()) / ServeOptions.Tokens;
    }

    private JsonElement Command(string[] arguments, CancellationToken cancellationToken)
    {
        MeasuredProcess process = MeasuredProcess.Run(new ProcessStartInfo(options.Tool, [.. arguments, "--threads", "1", "--json", "--quiet"]), cancellationToken);
        return process.ExitCode == 0 ? JsonElement.Parse(process.Output) : throw new IOException($"onnxstream {arguments[0]} failed: {process.Error.Trim()}");
    }

    private async Task<double> ServerPictureAsync(MeasuredServer server, CancellationToken cancellationToken)
    {
        const int Count = 4;
        long begin = Stopwatch.GetTimestamp();
        await server.DoAsync("/v1/images/generations", Picture(ServeOptions.Steps, Count), cancellationToken);
        return Stopwatch.GetElapsedTime(begin).TotalSeconds / Count;
    }

    // Between the first and the last token, so that the request itself does not count.
    private async Task<double> ServerTokenAsync(MeasuredServer server, CancellationToken cancellationToken)
    {
        double best = double.MaxValue;
        for (int i = 0; i < 5; i++)
        {
            (double one, _) = await TextAsync(server, 1, cancellationToken);
            (double many, int count) = await TextAsync(server, ServeOptions.Tokens, cancellationToken);
            best = Math.Min(best, (many - one) / Math.Max(1, count - 1));
        }

        return best;
    }

    private async Task<(double Seconds, int Tokens)> TextAsync(MeasuredServer server, int tokens, CancellationToken cancellationToken)
    {
        string json = $$"""{"model":"{{_language}}","prompt":"hello hello","max_tokens":{{tokens}},"temperature":0,"stream":true,"stream_options":{"include_usage":true} }""";
        long begin = Stopwatch.GetTimestamp();
        string answer = await server.DoAsync("/v1/completions", json, cancellationToken);
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        string usage = answer.Split('\n').Last(line => line.Contains("\"completion_tokens\"", StringComparison.Ordinal));
        return (seconds, JsonElement.Parse(usage[usage.IndexOf('{', StringComparison.Ordinal)..]).GetProperty("usage").GetProperty("completion_tokens").GetInt32());
    }

    // Pictures, requests that are refused, and clients that go away.
    private async Task RepeatAsync(MeasuredServer server, int count, CancellationToken cancellationToken) => await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = cancellationToken }, async (i, token) =>
    {
        switch (i % 10)
        {
            case 8:
                await server.PostAsync("/v1/images/generations", Picture(steps: 0, count: 1), token);
                break;
            case 9:
                using (CancellationTokenSource gone = CancellationTokenSource.CreateLinkedTokenSource(token))
                {
                    gone.CancelAfter(TimeSpan.FromMilliseconds(20));
                    try
                    {
                        await server.PostAsync("/v1/images/generations", Picture(ServeOptions.Steps, 1), gone.Token);
                    }
                    catch (OperationCanceledException) when (!token.IsCancellationRequested)
                    {
                    }
                }

                break;
            default:
                await server.DoAsync("/v1/images/generations", Picture(steps: 1, count: 1), token);
                break;
        }
    });

    // What went away is noticed, and connections that nobody uses are kept by both sides.
    private static async Task<ProcessFigures> RestAsync(MeasuredServer server, CancellationToken cancellationToken)
    {
        await Task.Delay(TimeSpan.FromSeconds(5), cancellationToken);
        return server.Process.Figures;
    }

    private string Picture(int steps, int count) => $$"""{"model":"{{_picture}}","prompt":"a red circle","steps":{{steps}},"n":{{count}},"seed":1}""";

    private string Job(int steps) => $$"""{"kind":"image","model":"{{_picture}}","image":{"prompt":"a red circle","steps":{{steps}},"seed":1} }""";
}
