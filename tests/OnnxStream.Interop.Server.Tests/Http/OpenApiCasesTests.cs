using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Tests.Http;

/// <summary>Requests that are made of the server's own description of itself, most of them wrong somewhere.</summary>
public class OpenApiCasesTests
{
    private const int CasesOfAnEndpoint = 60;

    // Those whose body is a form, and those that need none.
    private static readonly string[] s_withoutJson = ["/v1/images/edits", "/v1/images/variations", "/v1/audio/transcriptions", "/v1/audio/translations", "/sdapi/v1/interrupt"];

    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(8);

    [TestCase(1)]
    public async Task NoRequestMakesTheServerFail(int seed)
    {
        // What happens to be right is done, so there is little to do.
        await using RunningServer server = await RunningServer.StartAsync(options => options with
        {
            MostBodyBytes = 1 << 20,
            Limits = new JobLimits { MostSteps = 1, MostPictures = 1, MostPixels = 64 * 64, MostTokens = 4 },
            Queue = new JobQueueOptions { MostRunning = 1, MostWaiting = 4 },
        });
        JsonObject document = JsonNode.Parse(await server.Client.GetStringAsync(new Uri("/openapi.json", UriKind.Relative)))!.AsObject();
        OpenApiCases cases = new(document, new Random(seed));
        Assert.That(cases.OperationCount, Is.GreaterThan(20));
        Dictionary<int, int> statuses = [];
        List<string> failures = [];
        long begin = Stopwatch.GetTimestamp();
        for (int round = 0; round < CasesOfAnEndpoint; round++)
        {
            // By turns, so that each endpoint has had as many as the others wherever the time ends.
            for (int operation = 0; operation < cases.OperationCount && (round == 0 || Stopwatch.GetElapsedTime(begin) < s_most); operation++)
            {
                using HttpRequestMessage request = cases.Next(operation);
                string what = $"{request.Method} {request.RequestUri} {request.Content?.Headers.ContentType} {(request.Content is null ? "" : await request.Content.ReadAsStringAsync())}";
                what = what.Length <= 2000 ? what : what[..2000];
                try
                {
                    (int status, string body, string path) = await SendAsync(server.Client, request);
                    statuses[status] = statuses.GetValueOrDefault(status) + 1;
                    if (status == 500 || (status >= 400 && request.Method != HttpMethod.Head && !IsError(path, body)))
                    {
                        failures.Add($"{status} for {what}: {body}");
                    }
                }
                catch (Exception exception) when (exception is OperationCanceledException or HttpRequestException)
                {
                    failures.Add($"No answer for {what}: {exception.Message}");
                }
            }
        }

        await TestContext.Out.WriteLineAsync(string.Join(", ", statuses.OrderBy(status => status.Key).Select(status => $"{status.Value} times {status.Key}")));
        Assert.That(failures, Is.Empty);
        Assert.That(statuses.Keys, Is.SupersetOf(new[] { 200, 400, 404 }), "both right and wrong ones");
        Assert.That(await server.Client.GetStringAsync(new Uri("/health", UriKind.Relative)), Is.EqualTo("ok\n"), "it lives");
    }

    [Test]
    public async Task WhatIsReadAndWhatIsAnsweredAreNotMistakenForEachOther()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        JsonObject paths = JsonNode.Parse(await server.Client.GetStringAsync(new Uri("/openapi.json", UriKind.Relative)))!["paths"]!.AsObject();
        using (Assert.EnterMultipleScope())
        {
            foreach ((string path, JsonNode? operations) in paths)
            {
                foreach ((string method, JsonNode? operation) in operations!.AsObject())
                {
                    Assert.That(operation!["requestBody"] is not null, Is.EqualTo(method == "post" && !s_withoutJson.Contains(path)), $"the body of {method} {path}");
                }
            }

            foreach (string path in (string[])["/jobs", "/jobs/{id}", "/v1/models", "/v1/models/{id}", "/status", "/sdapi/v1/samplers", "/sdapi/v1/schedulers", "/sdapi/v1/sd-models", "/sdapi/v1/options", "/sdapi/v1/progress"])
            {
                Assert.That(paths[path]?["get"]?["responses"]?["200"]?["content"]?["application/json"]?["schema"], Is.Not.Null, $"the answer of {path}");
            }
        }
    }

    // What comes as a stream is not read to its end: the server sees the client go.
    private static async Task<(int Status, string Body, string Path)> SendAsync(HttpClient client, HttpRequestMessage request)
    {
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(1));
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
        int status = (int)response.StatusCode;
        return (status, status < 400 ? "" : await response.Content.ReadAsStringAsync(limit.Token), response.RequestMessage!.RequestUri!.AbsolutePath);
    }

    private static bool IsError(string path, string body)
    {
        try
        {
            JsonElement error = JsonElement.Parse(body);
            string? message = path.StartsWith("/sdapi", StringComparison.Ordinal) ? error.GetProperty("detail").GetString() : error.GetProperty("error").GetProperty("message").GetString();
            return message is { Length: > 0 } && !body.Contains("Exception", StringComparison.Ordinal) && !body.Contains("   at ", StringComparison.Ordinal) && !body.Contains("System.", StringComparison.Ordinal);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
        }
    }
}
