using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace OnnxStream.Interop.Server.Tests.Http;

/// <summary>Requests that nobody should send: each is answered in the API's own shape, never with a failure of the server.</summary>
public class AttackTests
{
    private RunningServer _server = null!;

    [OneTimeSetUp]
    public async Task Start() => _server = await RunningServer.StartAsync(options => options with { MostBodyBytes = 1 << 20, MostConnections = 60 });

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [TestCase("", 400)]
    [TestCase("null", 400)]
    [TestCase("[]", 400)]
    [TestCase("{", 400)]
    [TestCase("{\"messages\":null}", 400)]
    [TestCase("{\"messages\":[null]}", 400)]
    [TestCase("{\"messages\":[]}", 400)]
    [TestCase("{\"messages\":[{}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":1,\"content\":\"x\"}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"king\",\"content\":\"x\"}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":5}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":[null]}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"\\ud800\"}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":-1}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"max_tokens\":1e99}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":\"hot\"}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"temperature\":-1}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"top_p\":0}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stop\":[\"\"]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stop\":{}}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"n\":2}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[null]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{\"type\":\"function\",\"function\":5}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":5}}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":7,\"parameters\":[]}}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}]}", 400)]
    [TestCase("{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"5\"}}]}]}", 400)]
    [TestCase("{\"model\":\"no\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", 404)]
    [TestCase("{\"model\":\"tiny-shapes\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", 400)]
    [TestCase("{\"model\":\"/etc/passwd\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", 404)]
    public Task ConversationsThatMakeNoSense(string body, int status) => IsRefusedAsync("/v1/chat/completions", body, status);

    [TestCase("{}", 400)]
    [TestCase("{\"prompt\":5}", 400)]
    [TestCase("{\"prompt\":[\"a\",\"b\"]}", 400)]
    [TestCase("{\"prompt\":[1,2,3]}", 400)]
    [TestCase("{\"prompt\":\"x\",\"suffix\":\"y\"}", 400)]
    [TestCase("{\"prompt\":\"\"}", 400)]
    public Task CompletionsThatMakeNoSense(string body, int status) => IsRefusedAsync("/v1/completions", body, status);

    [TestCase("{}", 400)]
    [TestCase("{\"prompt\":5}", 400)]
    [TestCase("{\"prompt\":\"x\",\"n\":0}", 400)]
    [TestCase("{\"prompt\":\"x\",\"n\":1000000}", 400)]
    [TestCase("{\"prompt\":\"x\",\"size\":\"64\"}", 400)]
    [TestCase("{\"prompt\":\"x\",\"size\":\"-64x64\"}", 400)]
    [TestCase("{\"prompt\":\"x\",\"size\":\"999999999999x64\"}", 400)]
    [TestCase("{\"prompt\":\"x\",\"size\":\"65536x65536\"}", 400)]
    [TestCase("{\"prompt\":\"x\",\"size\":\"63x64\"}", 400)]
    [TestCase("{\"prompt\":\"x\",\"steps\":0}", 400)]
    [TestCase("{\"prompt\":\"x\",\"steps\":100000}", 400)]
    [TestCase("{\"prompt\":\"x\",\"sampler\":\"Oiler\"}", 400)]
    [TestCase("{\"prompt\":\"x\",\"guidance_scale\":1e30}", 400)]
    [TestCase("{\"prompt\":\"x\",\"response_format\":\"url\"}", 400)]
    [TestCase("{\"prompt\":\"x\",\"model\":\"tiny-llm\"}", 400)]
    public Task PicturesThatMakeNoSense(string body, int status) => IsRefusedAsync("/v1/images/generations", body, status);

    [TestCase("{}", 400)]
    [TestCase("{\"kind\":\"image\"}", 400)]
    [TestCase("{\"kind\":0}", 400)]
    [TestCase("{\"kind\":\"cake\"}", 400)]
    [TestCase("{\"kind\":\"image\",\"image\":{}}", 400)]
    [TestCase("{\"kind\":\"image\",\"image\":{\"prompt\":null}}", 400)]
    [TestCase("{\"kind\":\"image\",\"image\":{\"prompt\":\"x\",\"path\":\"/etc/passwd\"}}", 400)]
    [TestCase("{\"kind\":\"image\",\"image\":{\"prompt\":\"x\",\"prompt\":\"y\"}}", 400)]
    [TestCase("{\"kind\":\"image\",\"image\":{\"prompt\":\"x\",\"image\":\"!!!\"}}", 400)]
    [TestCase("{\"kind\":\"image\",\"image\":{\"prompt\":\"x\",\"image\":\"AAAA\"}}", 400)]
    [TestCase("{\"kind\":\"image\",\"image\":{\"prompt\":\"x\",\"steps\":2.5}}", 400)]
    [TestCase("{\"kind\":\"image\",\"image\":{\"prompt\":\"x\"},\"text\":{}}", 400)]
    [TestCase("{\"kind\":\"chat\",\"text\":{\"messages\":[{\"role\":\"user\"}],\"tools\":[5]}}", 400)]
    [TestCase("{\"kind\":\"embedding\",\"embedding\":{\"texts\":[\"x\"]}}", 404)]
    [TestCase("{\"kind\":\"embedding\",\"embedding\":{\"texts\":[null]}}", 400)]
    public Task JobsThatMakeNoSense(string body, int status) => IsRefusedAsync("/jobs", body, status);

    [TestCase("{\"width\":\"wide\"}", 400)]
    [TestCase("{\"sampler_name\":\"Oiler\"}", 400)]
    [TestCase("{\"batch_size\":2147483647,\"n_iter\":2147483647}", 400)]
    public async Task Automatic1111HasItsOwnShapeOfErrors(string body, int status)
    {
        (HttpStatusCode found, JsonElement error) = await _server.PostAsync("/sdapi/v1/txt2img", body);
        Assert.That((int)found, Is.EqualTo(status));
        Assert.That(error.GetProperty("detail").GetString(), Is.Not.Empty);
    }

    [Test]
    public async Task DeepJsonIsRefused()
    {
        string deep = string.Concat(Enumerable.Repeat("[", 100_000));
        await IsRefusedAsync("/v1/chat/completions", $"{{\"messages\":{deep}", 400);
        await IsRefusedAsync("/jobs", $"{{\"kind\":\"chat\",\"text\":{deep}", 400);
    }

    [Test]
    public async Task HugeBodiesAreRefused()
    {
        string answer = await _server.SendRawAsync("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n{");
        Assert.That(answer, Does.StartWith("HTTP/1.1 413 ").And.Contains("request_too_large"));
        string chunk = new('x', 64 << 10);
        string chunks = string.Concat(Enumerable.Repeat($"10000\r\n{chunk}\r\n", 20));
        answer = await _server.SendRawAsync($"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
        Assert.That(answer, Does.StartWith("HTTP/1.1 413 "));
    }

    /// <summary>What an endpoint does not read is read after its answer, up to the limit. A connection that ends there says so: another request on it would be lost.</summary>
    [TestCase("GET /sdapi/v1/samplers")]
    [TestCase("POST /sdapi/v1/interrupt")]
    [TestCase("POST /nowhere")]
    [TestCase("DELETE /v1/models")]
    public async Task HugeBodiesThatNobodyReadsAreRefused(string line)
    {
        string answer = await _server.SendRawAsync($"{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n{{");
        Assert.That(answer, Does.StartWith("HTTP/1.1 413 ").And.Contains("Connection: close").And.Contains(line.Contains("sdapi", StringComparison.Ordinal) ? "larger than the server allows" : "request_too_large"));
    }

    [TestCase("GET /sdapi/v1/samplers", "HTTP/1.1 200 ")]
    [TestCase("POST /sdapi/v1/interrupt", "HTTP/1.1 200 ")]
    [TestCase("POST /nowhere", "HTTP/1.1 404 ")]
    public async Task EndlessBodiesThatNobodyReadsEndTheirConnection(string line, string status)
    {
        string answer = await _server.SendRawAsync($"{line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n");
        Assert.That(answer, Does.StartWith(status).And.Contains("Connection: close"));
    }

    [TestCase("/sdapi/v1/options", "HTTP/1.1 200 ")]
    [TestCase("/jobs", "HTTP/1.1 400 ")]
    public async Task ConnectionsOfBodiesThatAreReadGoOn(string path, string status)
    {
        string request = $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n";
        string answers = await _server.SendRawAsync(request + request, TimeSpan.FromSeconds(2));
        Assert.That(answers, Does.StartWith(status).And.Not.Contains("Connection: close"));
        Assert.That(answers.Split(status), Has.Length.EqualTo(3), "two answers");
    }

    [TestCase("text/plain")]
    [TestCase("application/x-www-form-urlencoded")]
    [TestCase("multipart/form-data; boundary=x")]
    public async Task OtherContentTypesAreRefused(string type)
    {
        using ByteArrayContent content = new("{\"prompt\":\"x\"}"u8.ToArray());
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        using HttpResponseMessage response = await _server.Client.PostAsync(new Uri("/v1/images/generations", UriKind.Relative), content);
        await IsErrorAsync(response, HttpStatusCode.UnsupportedMediaType);
    }

    [Test]
    public async Task FormsThatAreNoneAreRefused()
    {
        foreach ((string type, string body, HttpStatusCode status) in ((string, string, HttpStatusCode)[])
            [("application/json", "{}", HttpStatusCode.UnsupportedMediaType), ("multipart/form-data", "x", HttpStatusCode.BadRequest), ("multipart/form-data; boundary=x", "--x\r\n", HttpStatusCode.BadRequest), ("multipart/form-data; boundary=x", "--x--\r\n", HttpStatusCode.BadRequest)])
        {
            using ByteArrayContent content = new(Encoding.ASCII.GetBytes(body));
            content.Headers.TryAddWithoutValidation("Content-Type", type);
            using HttpResponseMessage response = await _server.Client.PostAsync(new Uri("/v1/images/edits", UriKind.Relative), content);
            await IsErrorAsync(response, status);
        }
    }

    // A file of a kilobyte that says it is a picture of ten gigapixels.
    [Test]
    public async Task BombsAreRefusedBeforeTheyAreDecoded()
    {
        byte[] png = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, .. "IHDR"u8, .. new byte[17], .. new byte[1000]];
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 100_000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 100_000);
        (png[24], png[25]) = (8, 2);
        long before = GC.GetTotalAllocatedBytes();
        await IsRefusedAsync("/jobs", JsonSerializer.Serialize(new { kind = "image", image = new { prompt = "x", image = Convert.ToBase64String(png) } }), 400);
        Assert.That(GC.GetTotalAllocatedBytes() - before, Is.LessThan(10 << 20));
        using MultipartFormDataContent form = new() { { new StringContent("x"), "prompt" }, { new ByteArrayContent(png), "image", "../../etc/passwd" } };
        using HttpResponseMessage response = await _server.Client.PostAsync(new Uri("/v1/images/edits", UriKind.Relative), form);
        await IsErrorAsync(response, HttpStatusCode.BadRequest);
    }

    [TestCase("/../../etc/passwd")]
    [TestCase("/%2e%2e/%2e%2e/etc/passwd")]
    [TestCase("/..%5c..%5cetc")]
    [TestCase("/jobs/..%2f..%2fetc/result")]
    [TestCase("/v1/models/..%2f..%2f")]
    [TestCase("/page.js%00.html")]
    public async Task PathsLeadNowhere(string path)
    {
        string answer = await _server.SendRawAsync($"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.That(answer, Does.Match("^HTTP/1.1 4(00|04) "));
        Assert.That(answer, Does.Not.Contain("root:"));
    }

    [Test]
    public async Task HeadersAreNotSplit()
    {
        string answer = await _server.SendRawAsync("GET /jobs/x%0d%0aSet-Cookie:%20a=b/result HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        Assert.That(answer, Does.StartWith("HTTP/1.1 404 "));
        Assert.That(answer.Split("\r\n\r\n")[0], Does.Not.Contain("Set-Cookie"));
    }

    [TestCase("Host: evil.example", "403")]
    [TestCase("Host: localhost\r\nOrigin: https://evil.example", "403")]
    [TestCase("Host: localhost\r\nOrigin: null", "403")]
    [TestCase("Host: ", "403")]
    [TestCase("X: y", "400")]
    public async Task ForeignPagesAndNamesAreKeptOut(string headers, string status)
    {
        string answer = await _server.SendRawAsync($"GET /status HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
        Assert.That(answer, Does.StartWith($"HTTP/1.1 {status} "));
    }

    [Test]
    public async Task TooManyHeadersAreRefused()
    {
        string many = string.Concat(Enumerable.Range(0, 200).Select(i => $"X-{i}: y\r\n"));
        Assert.That(await _server.SendRawAsync($"GET /status HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), Does.StartWith("HTTP/1.1 431 "));
        Assert.That(await _server.SendRawAsync($"GET /{new string('x', 10_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n"), Does.StartWith("HTTP/1.1 414 "));
    }

    [Test]
    public async Task ConnectionsThatSayNothingAreBounded()
    {
        List<TcpClient> idle = [];
        try
        {
            for (int i = 0; i < 200; i++)
            {
                TcpClient tcp = new();
                await tcp.ConnectAsync(IPAddress.Loopback, _server.Client.BaseAddress!.Port);
                idle.Add(tcp);
            }

            Assert.That(_server.Server.Queue.IsClosed, Is.False);
        }
        finally
        {
            idle.ForEach(tcp => tcp.Dispose());
        }

        // They have gone: others are served again.
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                Assert.That((await _server.Client.GetAsync(new Uri("/health", UriKind.Relative))).StatusCode, Is.EqualTo(HttpStatusCode.OK));
                break;
            }
            catch (HttpRequestException) when (attempt < 50)
            {
                await Task.Delay(100);
            }
        }
    }

    [Test]
    public async Task AnUploadThatIsBrokenOffLeavesNothing()
    {
        using (TcpClient tcp = new())
        {
            await tcp.ConnectAsync(IPAddress.Loopback, _server.Client.BaseAddress!.Port);
            await tcp.GetStream().WriteAsync("POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"kind\":"u8.ToArray());
        }

        (_, JsonElement status) = await _server.GetAsync("/status");
        Assert.That(status.GetProperty("queue").GetProperty("waiting").GetInt32(), Is.Zero);
    }

    [Test]
    public async Task AClientThatHasGoneHasItsWorkCancelled()
    {
        const string Body = """{"prompt":"x","steps":150,"n":10}""";
        using (TcpClient tcp = new())
        {
            await tcp.ConnectAsync(IPAddress.Loopback, _server.Client.BaseAddress!.Port);
            await tcp.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}"));
            await WaitAsync(() => _server.Server.Queue.RunningCount > 0);
        }

        await WaitAsync(() => _server.Server.Queue.RunningCount == 0);
    }

    [Test]
    public async Task SlowBodiesAreGivenUp()
    {
        string answer = await _server.SendRawAsync("POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", TimeSpan.FromSeconds(15));
        Assert.That(answer, Does.StartWith("HTTP/1.1 408 "));
    }

    [Test]
    public void AddressesOfOtherMachinesNeedAKey() => Assert.That(
        () => ModelServer.Create(new ModelServerOptions { Urls = ["http://0.0.0.0:0"] }), Throws.ArgumentException.With.Message.Contains("needs a key"));

    private static async Task WaitAsync(Func<bool> condition)
    {
        for (int i = 0; i < 200 && !condition(); i++)
        {
            await Task.Delay(50);
        }

        Assert.That(condition());
    }

    private async Task IsRefusedAsync(string path, string body, int status)
    {
        using StringContent content = new(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await _server.Client.PostAsync(new Uri(path, UriKind.Relative), content);
        await IsErrorAsync(response, (HttpStatusCode)status);
    }

    private static async Task IsErrorAsync(HttpResponseMessage response, HttpStatusCode status)
    {
        string text = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(status), text);
        JsonElement error = JsonElement.Parse(text).GetProperty("error");
        Assert.That(error.GetProperty("message").GetString(), Is.Not.Empty.And.Not.Contains("System.").And.Not.Contains("Exception").And.Not.Contains("OnnxStream.Interop."));
        Assert.That(error.GetProperty("code").GetString(), Is.Not.Empty);
    }
}
