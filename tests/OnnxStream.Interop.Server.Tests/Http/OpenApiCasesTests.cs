using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Tests.Http;

/// <summary>Requests that are made of the server's own description of itself, most of them wrong somewhere.</summary>
public class OpenApiCasesTests
{
    private const int CasesOfAnEndpoint = 60;

    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(8);

    [TestCase(1)]
    public async Task NoRequestMakesTheServerFail(int seed)
    {
        // What happens to be right is done, so there is little to do.
        await using RunningServer server = await RunningServer.StartAsync(options => options with
        {
            MostBodyBytes = 1 << 20,
            Limits = new JobLimits { MostSteps = 4, MostPictures = 1, MostTokens = 4 },
            Queue = new JobQueueOptions { MostRunning = 1, MostWaiting = 4 },
        });
        JsonObject document = JsonNode.Parse(await server.Client.GetStringAsync(new Uri("/openapi.json", UriKind.Relative)))!.AsObject();
        OpenApiCases cases = new(document, new Random(seed));
        Assert.That(cases.OperationCount, Is.GreaterThan(20));
        Dictionary<int, int> statuses = [];
        long begin = Stopwatch.GetTimestamp();
        for (int round = 0; round < CasesOfAnEndpoint && Stopwatch.GetElapsedTime(begin) < s_most; round++)
        {
            // By turns, so that each endpoint has had as many as the others wherever the time ends.
            for (int operation = 0; operation < cases.OperationCount; operation++)
            {
                using HttpRequestMessage request = cases.Next(operation);
                string what = $"{request.Method} {request.RequestUri} {request.Content?.Headers.ContentType} {(request.Content is null ? "" : await request.Content.ReadAsStringAsync())}";
                what = what.Length <= 2000 ? what : what[..2000];
                using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
                using HttpResponseMessage response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
                int status = (int)response.StatusCode;
                statuses[status] = statuses.GetValueOrDefault(status) + 1;
                Assert.That(status, Is.Not.EqualTo(500), what);
                if (status >= 400 && request.Method != HttpMethod.Head)
                {
                    IsError(request.RequestUri!.OriginalString, await response.Content.ReadAsStringAsync(limit.Token), what);
                }
            }
        }

        TestContext.Out.WriteLine(string.Join(", ", statuses.OrderBy(status => status.Key).Select(status => $"{status.Value} times {status.Key}")));
        Assert.That(statuses.Keys, Is.SupersetOf(new[] { 200, 202, 400, 404, 405, 415 }), "both right and wrong ones");
        Assert.That(await server.Client.GetStringAsync(new Uri("/health", UriKind.Relative)), Is.EqualTo("ok\n"), "it lives");
    }

    private static void IsError(string path, string body, string what)
    {
        JsonElement error = default;
        Assert.That(() => error = JsonElement.Parse(body), Throws.Nothing, what);
        string? message = path.StartsWith("/sdapi", StringComparison.Ordinal) ? error.GetProperty("detail").GetString() : error.GetProperty("error").GetProperty("message").GetString();
        Assert.That(message, Is.Not.Null.And.Not.Empty, what);
        Assert.That(body, Does.Not.Contain("Exception").And.Not.Contain("   at ").And.Not.Contain("System."), what);
    }
}
