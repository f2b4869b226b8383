using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Fleet.Tests;

/// <summary>A fleet of the tool's processes, as those see it who watch it.</summary>
public partial class WorkerTelemetryTests
{
    private const string Trace = "0af7651916cd43dd8448eb211c80319c";

    [Test]
    public async Task OneTraceGoesFromTheClientToTheWorker_AndTheDashboardHasItsMetrics()
    {
        using NatsServer nats = NatsServer.Start();
        await using OtlpCollector collector = await OtlpCollector.StartAsync();
        (string Name, string Value)[] environment = [("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.GrpcUrl)];
        using WorkerProcess worker = WorkerProcess.Start(environment, ["work", "--queue", nats.Url, "--models", FleetServer.Models, "--name", "watched", "--threads", "1", "--memory", "500MB", "--status-url", "http://127.0.0.1:0"]);
        Uri watched = await AddressAsync(worker);
        using WorkerProcess server = WorkerProcess.Start(environment, ["serve", "--queue", nats.Url, "--port", "0", "--metrics"]);
        using HttpClient client = new() { BaseAddress = await AddressAsync(server) };
        client.DefaultRequestHeaders.Add("traceparent", $"00-{Trace}-b7ad6b7169203331-01");
        await PostAsync(client, "/v1/images/generations", """{"prompt":"a red circle","steps":3,"seed":1}""");
        await PostAsync(client, "/v1/chat/completions", """{"messages":[{"role":"user","content":"hello"}],"max_tokens":8,"temperature":0}""");
        await PostAsync(client, "/v1/images/generations", """{"prompt":"x","model":"none"}""", HttpStatusCode.NotFound);

        // The client's trace goes on in the server, through the queue, and in the worker.
        await FleetServer.WaitAsync(() => collector.Spans.Count(span => span.Trace == Trace && span.Name.StartsWith("work ", StringComparison.Ordinal)) == 2 && collector.Spans.Any(span => span.Name == "chat tiny-llm"), "the collector got no trace");
        OtlpSpan attempt = collector.Spans.Single(span => span.Name == "work tiny-shapes");
        OtlpSpan job = collector.Spans.Single(span => span.Id == attempt.Parent);
        OtlpSpan request = collector.Spans.Single(span => span.Id == job.Parent);
        using (Assert.EnterMultipleScope())
        {
            Assert.That((attempt.Service, job.Service, request.Service), Is.EqualTo(("onnxstream-work", "onnxstream-serve", "onnxstream-serve")));
            Assert.That(request.Parent, Is.EqualTo("b7ad6b7169203331"));
            Assert.That(attempt.Attributes["onnxstream.attempt.end"], Is.EqualTo("Finished"));
            Assert.That(attempt.Attributes["onnxstream.job.id"], Is.EqualTo(job.Attributes["onnxstream.job.id"]));
            Assert.That(collector.Spans.Count(span => span.Name == "run" && span.Parent == attempt.Id), Is.GreaterThan(3));
        }

        ScrapedMetrics ofServer = new(await client.GetStringAsync(new Uri("/metrics", UriKind.Relative)));
        using HttpClient watcher = new() { BaseAddress = watched };
        ScrapedMetrics ofWorker = new(await watcher.GetStringAsync(new Uri("/metrics", UriKind.Relative)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(ofServer.Sum("onnxstream_server_workers"), Is.EqualTo(1));
            Assert.That(ofServer.Sum("onnxstream_server_steps_total", "onnxstream_stage=\"denoising\""), Is.EqualTo(3));
            Assert.That(ofWorker.Sum("onnxstream_worker_attempt_duration_seconds_count", "onnxstream_attempt_end=\"Finished\""), Is.EqualTo(2));
            Assert.That(ofWorker.Sum("onnxstream_weights_streamed_bytes_total"), Is.GreaterThan(1_000_000));
            Assert.That(await watcher.GetStringAsync(new Uri("/ready", UriKind.Relative)), Is.EqualTo("ready\n"));
        }

        HashSet<string> known = [.. ofServer.Names, .. ofWorker.Names];
        string[] asked = [.. Queries().SelectMany(query => Name().Matches(Labels().Replace(query, "")).Select(match => match.Value)).Distinct()];
        Assert.That(asked, Has.Length.GreaterThan(15));
        Assert.That(asked.Where(name => !known.Contains(name)), Is.Empty, "the dashboard asks for what nobody has");

        // Without the queue, the worker says that it can do nothing.
        nats.Kill();
        await FleetServer.WaitAsync(() => watcher.GetAsync(new Uri("/ready", UriKind.Relative)).GetAwaiter().GetResult().StatusCode == HttpStatusCode.ServiceUnavailable, "it is ready without a queue");
    }

    private static IEnumerable<string> Queries()
    {
        string? folder = TestContext.CurrentContext.TestDirectory;
        while (folder is not null && !Directory.Exists(Path.Combine(folder, "packaging", "grafana")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder!, "packaging", "grafana", "onnxstream.json")));
        return [.. dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray().Select(target => target.GetProperty("expr").GetString()!))];
    }

    private static async Task<Uri> AddressAsync(WorkerProcess process)
    {
        string line = "";
        await FleetServer.WaitAsync(
            () =>
            {
                lock (process.Lines)
                {
                    line = process.Lines.Find(line => line.Contains("Ctrl+C ends", StringComparison.Ordinal)) ?? "";
                }

                return line.Length > 0;
            },
            "the tool has not started");
        return new Uri(Address().Match(line).Value);
    }

    private static async Task PostAsync(HttpClient client, string path, string json, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using StringContent content = new(json, Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = await client.PostAsync(new Uri(path, UriKind.Relative), content);
        Assert.That(answer.StatusCode, Is.EqualTo(expected), await answer.Content.ReadAsStringAsync());
    }

    // What is left of a query without what stands in braces, in brackets and behind "by".
    [GeneratedRegex("""\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)""")]
    private static partial Regex Labels();

    [GeneratedRegex("[a-z]+_[a-z_]+(?![a-z_(])")]
    private static partial Regex Name();

    [GeneratedRegex("http://127.0.0.1:[0-9]+")]
    private static partial Regex Address();
}
