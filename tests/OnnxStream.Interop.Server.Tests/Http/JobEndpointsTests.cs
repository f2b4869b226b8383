using System.Net;
using System.Text.Json;

namespace OnnxStream.Interop.Server.Tests.Http;

public class JobEndpointsTests
{
    private RunningServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await RunningServer.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task APictureIsAJobWithEventsAndAResult()
    {
        (HttpStatusCode status, JsonElement job) = await _server.PostAsync("/jobs", """{"kind":"image","image":{"prompt":"a red circle","steps":3,"seed":7,"count":2,"preview_interval":1}}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.Accepted));
        string id = job.GetProperty("id").GetString()!;
        Assert.That(job.GetProperty("planned_bytes").GetInt64(), Is.GreaterThan(1 << 20));
        JsonElement[] events = await ReadEventsAsync(id, null);
        string[] types = [.. events.Select(item => item.GetProperty("type").GetString()!)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(types[^1], Is.EqualTo("finished"));
            Assert.That(types, Does.Contain("started"));
            Assert.That(events.Count(item => item.TryGetProperty("preview", out _)), Is.GreaterThan(0));
            Assert.That(events.Where(item => item.TryGetProperty("stage", out JsonElement stage) && stage.GetString() == "denoising").Max(item => item.GetProperty("step").GetInt32()), Is.EqualTo(6));
        }

        JsonElement parts = events[^1].GetProperty("result").GetProperty("parts");
        Assert.That(parts.EnumerateArray().Select(part => part.GetProperty("seed").GetInt64()), Is.EqualTo(new long[] { 7, 8 }));
        using HttpResponseMessage second = await _server.Client.GetAsync(new Uri($"/jobs/{id}/result/1", UriKind.Relative));
        Assert.That(second.Content.Headers.ContentType!.MediaType, Is.EqualTo("image/png"));
        Assert.That((await second.Content.ReadAsByteArrayAsync())[1..4], Is.EqualTo("PNG"u8.ToArray()));
        Assert.That((await _server.GetAsync($"/jobs/{id}/result/2")).Status, Is.EqualTo(HttpStatusCode.NotFound));

        // What came before a lost connection does not come again.
        JsonElement[] rest = await ReadEventsAsync(id, events.Length - 2);
        Assert.That(rest, Has.Length.EqualTo(1));
    }

    [Test]
    public async Task AJobIsCancelledWhileItIsDone()
    {
        (_, JsonElement job) = await _server.PostAsync("/jobs", """{"kind":"image","image":{"prompt":"a red circle","steps":150,"count":10}}""");
        string id = job.GetProperty("id").GetString()!;
        using HttpResponseMessage deleted = await _server.Client.DeleteAsync(new Uri($"/jobs/{id}", UriKind.Relative));
        Assert.That(deleted.StatusCode, Is.EqualTo(HttpStatusCode.NoContent));
        JsonElement[] events = await ReadEventsAsync(id, null);
        Assert.That(events[^1].GetProperty("type").GetString(), Is.EqualTo("cancelled"));
        Assert.That((await _server.GetAsync($"/jobs/{id}/result")).Status, Is.EqualTo(HttpStatusCode.Conflict));
    }

    [Test]
    public async Task TheDocumentDescribesWhatThereIs()
    {
        (_, JsonElement document) = await _server.GetAsync("/openapi.json");
        JsonElement paths = document.GetProperty("paths");
        foreach (string path in (string[])["/jobs", "/jobs/{id}/result/{part}", "/v1/chat/completions", "/v1/images/edits", "/sdapi/v1/txt2img", "/status"])
        {
            Assert.That(paths.TryGetProperty(path, out _), path);
        }

        Assert.That(paths.GetProperty("/jobs").GetProperty("post").GetProperty("requestBody").GetProperty("content").GetProperty("application/json").GetProperty("schema").GetProperty("properties").TryGetProperty("kind", out _));
    }

    [Test]
    public async Task ThePageAndItsFilesComeWithAStrictPolicy()
    {
        using HttpResponseMessage page = await _server.Client.GetAsync(new Uri("/", UriKind.Relative));
        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(page.Content.Headers.ContentType!.MediaType, Is.EqualTo("text/html"));
        Assert.That(page.Headers.GetValues("Content-Security-Policy").Single(), Does.StartWith("default-src 'none'").And.Not.Contains("unsafe"));
        Assert.That(page.Headers.Contains("Server"), Is.False);
    }

    private async Task<JsonElement[]> ReadEventsAsync(string id, int? last)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, $"/jobs/{id}/events");
        if (last is { } number)
        {
            request.Headers.Add("Last-Event-ID", $"{number}");
        }

        using HttpResponseMessage response = await _server.Client.SendAsync(request);
        Assert.That(response.Content.Headers.ContentType!.MediaType, Is.EqualTo("text/event-stream"));
        return [.. (await response.Content.ReadAsStringAsync()).Split('\n').Where(line => line.StartsWith("data: ")).Select(line => JsonElement.Parse(line[6..]))];
    }
}
