using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using OnnxStream.Interop.Cli.Tests.Build;
using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Cli.Tests;

/// <summary>A server of the tool as those see it who watch it: Prometheus, and a collector of OpenTelemetry.</summary>
internal sealed partial class TelemetryExportTests
{
    private const string Key = "0123456789abcdef-key";

    private static readonly string[] s_noVariables =
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_SDK_DISABLED", "OTEL_METRICS_EXPORTER", "OTEL_TRACES_EXPORTER", "OTEL_SERVICE_NAME", "ONNXSTREAM_API_KEY"];

    private static string DemoModel { get; } = Path.Combine(Path.GetDirectoryName(typeof(CommandLine).Assembly.Location)!, "tiny-shapes");

    private static string TextModel { get; } = Path.Combine(Repository.Root, "tests", "OnnxStream.Interop.Language.Tests", "Models", "tiny-f32");

    [Test]
    public async Task WhatAServerDoesIsSeenByThoseWhoHaveAKeyAndByItsCollector()
    {
        await using OtlpCollector collector = await OtlpCollector.StartAsync();
        using ToolProcess tool = Serve(
            new() { ["ONNXSTREAM_API_KEY"] = Key, ["OTEL_SERVICE_NAME"] = "pictures", ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf", ["OTEL_METRIC_EXPORT_INTERVAL"] = "300", ["OTEL_BSP_SCHEDULE_DELAY"] = "100" },
            "--metrics", "--otlp-endpoint", collector.HttpUrl);
        using HttpClient client = new() { BaseAddress = await AddressAsync(tool) };

        // Nothing is said of models and jobs to those without a key.
        using (HttpResponseMessage refused = await client.GetAsync(new Uri("/metrics", UriKind.Relative)))
        {
            Assert.That(refused.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        }

        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        await PostAsync(client, "/v1/images/generations", """{"prompt":"a red circle","steps":3,"seed":1}""");
        await PostAsync(client, "/v1/chat/completions", """{"model":"tiny-f32","messages":[{"role":"user","content":"a secret word"}],"max_tokens":8}""");
        using (HttpResponseMessage missing = await client.PostAsync(new Uri("/v1/images/generations", UriKind.Relative), Json("""{"prompt":"x","model":"none"}""")))
        {
            Assert.That(missing.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
        }

        ScrapedMetrics metrics = new(await client.GetStringAsync(new Uri("/metrics", UriKind.Relative)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(metrics.Sum("onnxstream_server_jobs_total"), Is.EqualTo(2));
            Assert.That(metrics.Sum("onnxstream_server_jobs_refused_total", "error_type=\"model_not_found\""), Is.EqualTo(1));
            Assert.That(metrics.Sum("onnxstream_server_steps_total", "onnxstream_stage=\"denoising\""), Is.EqualTo(3));
            Assert.That(metrics.Sum("onnxstream_server_queue_wait_seconds_count"), Is.EqualTo(2));
            Assert.That(metrics.Sum("gen_ai_server_request_duration_seconds_count", "gen_ai_operation_name=\"generate_content\""), Is.EqualTo(1));
            Assert.That(metrics.Sum("gen_ai_server_request_duration_seconds_bucket", "le=\"81.92\""), Is.EqualTo(2), "buckets are those of the conventions");
            Assert.That(metrics.Sum("gen_ai_client_token_usage_sum", "gen_ai_token_type=\"output\""), Is.InRange(1, 8));
            Assert.That(metrics.Sum("onnxstream_weights_streamed_bytes_total"), Is.GreaterThan(1_000_000));
            Assert.That(metrics.Sum("onnxstream_memory_planned_bytes", "onnxstream_memory_account=\"open\""), Is.GreaterThan(0));
            Assert.That(metrics.Names, Does.Contain("onnxstream_run_duration_seconds_bucket").And.Contain("http_server_request_duration_seconds_bucket"));
            Assert.That(metrics.Labels, Has.None.Contains("secret").And.None.Contains(Key), "neither prompts nor keys");
        }

        // Requests of those who watch are no traces; the picture's is whole.
        await UntilAsync(() => collector.Spans.Any(span => span.Name == "chat tiny-f32") && collector.Metrics.ContainsKey("gen_ai.client.token.usage"));
        OtlpSpan job = collector.Spans.Single(span => span.Name == "generate_content tiny-shapes");
        OtlpSpan request = collector.Spans.Single(span => span.Id == job.Parent);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(job.Service, Is.EqualTo("pictures"));
            Assert.That(job.Attributes["onnxstream.job.state"], Is.EqualTo("Finished"));
            Assert.That(request.Attributes["url.path"], Is.EqualTo("/v1/images/generations"));
            Assert.That(collector.Spans.Count(span => span.Name == "run" && span.Parent == job.Id), Is.GreaterThan(3));
            Assert.That(collector.Spans.Count(span => span.Name == "wait" && span.Parent == request.Id), Is.EqualTo(1));
            Assert.That(collector.Spans.Select(span => span.Attributes.GetValueOrDefault("url.path")), Has.None.EqualTo("/metrics"));
            Assert.That(collector.Metrics["onnxstream.weights.streamed"], Is.EqualTo("pictures"));
        }

        tool.Send("INT");
        Assert.That(tool.WaitForEnd().ExitCode, Is.EqualTo((int)ExitCode.Cancelled).Or.Zero);
    }

    [Test]
    public async Task NobodyWhoDidNotAskForItIsWatched()
    {
        using ToolProcess tool = Serve([]);
        using HttpClient client = new() { BaseAddress = await AddressAsync(tool) };
        using HttpResponseMessage answer = await client.GetAsync(new Uri("/metrics", UriKind.Relative));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.NotFound));
    }

    [TestCase("127.0.0.1:4317")]
    [TestCase("ftp://127.0.0.1")]
    public void AnAddressThatIsNoneIsRefused(string address) =>
        Assert.That(() => TelemetryExport.Start("test", isScraped: false, address), Throws.TypeOf<UsageException>().With.Message.Contains("--otlp-endpoint"));

    private static ToolProcess Serve(Dictionary<string, string?> environment, params string[] more)
    {
        foreach (string name in s_noVariables)
        {
            environment.TryAdd(name, null);
        }

        return ToolProcess.Start(["serve", "--model", DemoModel, "--model", TextModel, "--port", "0", "--threads", "1", .. more], environment: environment);
    }

    private static async Task<Uri> AddressAsync(ToolProcess tool)
    {
        await Task.Run(() => tool.WaitFor("Ctrl+C ends"));
        return new Uri(Address().Match(tool.Error).Value);
    }

    private static async Task PostAsync(HttpClient client, string path, string json)
    {
        using HttpResponseMessage answer = await client.PostAsync(new Uri(path, UriKind.Relative), Json(json));
        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK), await answer.Content.ReadAsStringAsync());
    }

    private static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    private static async Task UntilAsync(Func<bool> condition)
    {
        for (long end = Environment.TickCount64 + 30_000; !condition(); await Task.Delay(20))
        {
            Assert.That(Environment.TickCount64, Is.LessThan(end), "the collector got nothing");
        }
    }

    [GeneratedRegex("http://127.0.0.1:[0-9]+")]
    private static partial Regex Address();
}
