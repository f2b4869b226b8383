using System.Net;
using Microsoft.AspNetCore.Http;

namespace OnnxStream.Interop.Http.Tests;

/// <summary>A trained network, streamed from a real server that misbehaves in all ways that servers do.</summary>
public class HttpFilesTests
{
    private static readonly HttpFilesOptions s_impatient = new() { Retries = 3, RetryDelay = TimeSpan.FromMilliseconds(5), Patience = TimeSpan.FromSeconds(2), BearerToken = "" };

    private string _folder = "";
    private KestrelServer _server = null!;
    private Dictionary<string, TensorBuffer> _inputs = null!;
    private float[] _expected = [];

    // Weights of half precision may be multiplied by other kernels than those that a node converts: the last digits differ.
    private float[] _expectedOfFolder = [];

    [OneTimeSetUp]
    public void MakeModels()
    {
        _folder = Directory.CreateTempSubdirectory("onnxstream-http-").FullName;
        string source = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "unet", "model.onnx");
        Model model = Model.Load(source);
        File.Copy(source, Path.Combine(_folder, "whole.onnx"));
        model.SaveOnnx(Path.Combine(_folder, "split.onnx"));
        model.SaveOnnxStream(Path.Combine(_folder, "folder"));
        File.WriteAllBytes(Path.Combine(_folder, "empty.onnx"), []);
        _inputs = model.Inputs.ToDictionary(input => input.Name, input => Fill(input));
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2 });
        _expected = Output(session.Run(_inputs));
        using InferenceSession sessionOfFolder = new(Path.Combine(_folder, "folder"), new SessionOptions { ThreadCount = 2 });
        _expectedOfFolder = Output(sessionOfFolder.Run(_inputs));
        _server = new KestrelServer(_folder);
    }

    [OneTimeTearDown]
    public void DeleteModels()
    {
        _server.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [SetUp]
    public void Behave()
    {
        _server.Before = null;
        _server.Requests.Clear();
    }

    [TestCase("whole.onnx")]
    [TestCase("split.onnx")]
    [TestCase("folder")]
    [TestCase("folder/")]
    [TestCase("folder/model.txt")]
    [TestCase("split.onnx?signature=a%2Fb")]
    public void AModelRunsFromItsAddress(string place)
    {
        Assert.That(Run(place), Is.EqualTo(ExpectedOf(place)));
        Assert.That(place.Contains('?', StringComparison.Ordinal), Is.EqualTo(_server.Requests.All(request => request.Contains("?signature=a%2Fb ", StringComparison.Ordinal))));
    }

    [TestCase("whole.onnx", "")]
    [TestCase("split.onnx", "gzip on; gzip_types *; gzip_min_length 1;")]
    [TestCase("folder", "limit_rate 8m; keepalive_requests 5;")]
    [TestCase("split.onnx", "etag off; keepalive_timeout 0;")]
    public void NginxGivesWhatItIsAskedFor(string place, string settings)
    {
        if (!NginxServer.IsInstalled)
        {
            Assert.Ignore("nginx is not installed (Debian: nginx-light).");
        }

        using NginxServer nginx = new(_folder, settings);
        Assert.That(Run(nginx.Address, place, s_impatient), Is.EqualTo(ExpectedOf(place)));
        Assert.That(() => Run(nginx.Address, "missing.onnx", s_impatient), Throws.TypeOf<FileNotFoundException>());
    }

    private float[] ExpectedOf(string place) => place.StartsWith("folder", StringComparison.Ordinal) ? _expectedOfFolder : _expected;

    [Test]
    public void NginxWithoutRangesIsRefused()
    {
        if (!NginxServer.IsInstalled)
        {
            Assert.Ignore("nginx is not installed (Debian: nginx-light).");
        }

        using NginxServer nginx = new(_folder, "max_ranges 0;");
        Assert.That(() => Run(nginx.Address, "split.onnx", s_impatient), Throws.TypeOf<WeightsException>().With.Message.Contains("200").And.Message.Contains("Accept-Ranges"));
    }

    [Test]
    public void TheSecondRunReadsAgainAndNothingIsWritten()
    {
        (Model model, HttpFiles files) = HttpFiles.OpenModel(new Uri(_server.Address, "split.onnx"), s_impatient);
        using (files)
        using (InferenceSession session = new(model, new SessionOptions { ThreadCount = 2, KeptPanelBytes = 0 }))
        {
            for (int run = 0; run < 3; run++)
            {
                Assert.That(Output(session.Run(_inputs)), Is.EqualTo(_expected));
            }
        }
    }

    [Test]
    public void APlanTakesHeadersOnly()
    {
        (Model model, HttpFiles files) = HttpFiles.OpenModel(new Uri(_server.Address, "split.onnx"), s_impatient);
        using HttpFiles opened = files;
        using InferenceSession session = new(model, new SessionOptions { PlanOnly = true });
        PlanSummary plan = session.Plan(_inputs.ToDictionary(input => input.Key, input => input.Value.Type));
        Assert.That(plan.WeightsBytes, Is.GreaterThan(4 << 20));

        // The graph, and biases that are folded while planning: blocks of 64 KiB.
        long graph = new FileInfo(Path.Combine(_folder, "split.onnx")).Length;
        Assert.That(_server.Requests.Count * (64L << 10), Is.LessThan(graph + plan.WeightsBytes / 2));
    }

    [Test]
    public void PanelsOfAnAddressAreKept()
    {
        string store = Path.Combine(_folder, "model.panels");
        (Model model, HttpFiles files) = HttpFiles.OpenModel(new Uri(_server.Address, "split.onnx"), s_impatient);
        using HttpFiles opened = files;
        for (int time = 0; time < 2; time++)
        {
            using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2, PanelStore = PanelStoreOptions.File(store) });
            _server.Requests.Clear();
            float[] actual = Output(session.Run(_inputs));
            Assert.That(actual.Zip(_expected, (a, e) => Math.Abs(a - e)).Max(), Is.LessThan(1e-4));
        }

        Assert.That(_server.Requests.Count(request => request.StartsWith("/split.onnx.data", StringComparison.Ordinal)), Is.LessThan(60));
    }

    [Test]
    public void LostConnectionsGoOnWhereTheyEnded()
    {
        int count = 0;
        _server.Before = async context =>
        {
            if (Interlocked.Increment(ref count) % 3 != 0)
            {
                return true;
            }

            // Half of what was promised, and the end.
            (long from, long to) = Range(context);
            byte[] bytes = (await File.ReadAllBytesAsync(FileOf(context))).AsSpan((int)from, (int)((to - from + 1) / 2)).ToArray();
            PromisePart(context, from, to);
            await context.Response.Body.WriteAsync(bytes);
            await context.Response.Body.FlushAsync();
            context.Abort();
            return false;
        };
        Assert.That(Run("split.onnx"), Is.EqualTo(_expected));
    }

    [Test]
    public void AConnectionThatIsLostEachTimeEndsWithOneError()
    {
        _server.Before = context =>
        {
            if (IsData(context))
            {
                context.Abort();
                return Task.FromResult(false);
            }

            return Task.FromResult(true);
        };
        Assert.That(() => Run("split.onnx"), Throws.TypeOf<WeightsException>().With.Message.Contains("split.onnx.data").And.Message.Contains("does not answer"));
    }

    [TestCase(HttpStatusCode.TooManyRequests)]
    [TestCase(HttpStatusCode.ServiceUnavailable)]
    [TestCase(HttpStatusCode.BadGateway)]
    public void RefusalsThatPassAreTriedAgain(HttpStatusCode status)
    {
        int count = 0;
        _server.Before = context => Task.FromResult(!(Interlocked.Increment(ref count) % 4 == 1 && Answer(context, status, retryAfter: "0")));
        Assert.That(Run("split.onnx"), Is.EqualTo(_expected));
    }

    [TestCase(HttpStatusCode.ServiceUnavailable, "503 Service Unavailable", "asked 4 times")]
    [TestCase(HttpStatusCode.TooManyRequests, "429", "Try again later")]
    [TestCase(HttpStatusCode.Unauthorized, "401", HttpFilesOptions.TokenVariable)]
    [TestCase(HttpStatusCode.Forbidden, "403", HttpFilesOptions.TokenVariable)]
    [TestCase(HttpStatusCode.OK, "200", "Accept-Ranges")]
    [TestCase(HttpStatusCode.RequestedRangeNotSatisfiable, "416", "shorter")]
    [TestCase(HttpStatusCode.NotFound, "404", "not there any more")]
    public void RefusalsThatStayAreOneError(HttpStatusCode status, string what, string advice)
    {
        // Once the model is open.
        int count = 0;
        _server.Before = context => Task.FromResult(!(IsData(context) && Interlocked.Increment(ref count) > 4 && Answer(context, status, "0")));
        Assert.That(() => Run("split.onnx"), Throws.TypeOf<WeightsException>().With.Message.Contains("split.onnx.data").And.Message.Contains(what).And.Message.Contains(advice));
    }

    [TestCase(HttpStatusCode.ServiceUnavailable)]
    [TestCase(HttpStatusCode.Unauthorized)]
    public void RefusalsWhenTheModelIsOpened(HttpStatusCode status)
    {
        _server.Before = context => Task.FromResult(!Answer(context, status, "0"));
        Assert.That(() => Run("split.onnx"), Throws.TypeOf<WeightsException>().With.Message.Contains(((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    [Test]
    public void AServerOfWholeFilesIsRefusedBeforeAnyIsRead()
    {
        _server.Before = async context =>
        {
            await context.Response.SendFileAsync(FileOf(context));
            return false;
        };
        Assert.That(() => Run("split.onnx"), Throws.TypeOf<WeightsException>().With.Message.Contains("200").And.Message.Contains("Accept-Ranges"));
        Assert.That(_server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public void WhatIsNotThereIsSaid()
    {
        Assert.That(() => Run("missing.onnx"), Throws.TypeOf<FileNotFoundException>());
        Assert.That(() => Run("nothing"), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("neither model.txt nor model.onnx"));
        Assert.That(() => Run("empty.onnx"), Throws.TypeOf<ModelFormatException>());
        Assert.That(() => HttpFiles.OpenModel(new Uri("http://user:secret@127.0.0.1/model.onnx")), Throws.TypeOf<ArgumentException>().With.Message.Not.Contains("secret"));
        Assert.That(() => new HttpFiles(new Uri("ftp://127.0.0.1/")), Throws.TypeOf<ArgumentException>());

        // A port where nobody listens.
        Assert.That(() => HttpFiles.OpenModel(new Uri("http://127.0.0.1:9/model.onnx"), s_impatient with { Retries = 1 }), Throws.TypeOf<WeightsException>().With.Message.Contains("does not answer"));
    }

    [Test]
    public void AFileThatChangesIsRefused()
    {
        int count = 0;
        _server.Before = context =>
        {
            if (IsData(context) && Interlocked.Increment(ref count) > 6)
            {
                context.Response.OnStarting(() =>
                {
                    context.Response.Headers.ETag = "\"another\"";
                    return Task.CompletedTask;
                });
            }

            return Task.FromResult(true);
        };
        Assert.That(() => Run("split.onnx"), Throws.TypeOf<WeightsException>().With.Message.Contains("has changed on the server"));
    }

    [Test]
    public void AServerThatSendsOtherBytesIsRefused()
    {
        int count = 0;
        _server.Before = async context =>
        {
            if (!IsData(context) || Interlocked.Increment(ref count) <= 4)
            {
                return true;
            }

            (long from, long to) = Range(context);
            PromisePart(context, from + 1, to + 1);
            await context.Response.Body.WriteAsync(new byte[to - from + 1]);
            return false;
        };
        Assert.That(() => Run("split.onnx"), Throws.TypeOf<WeightsException>().With.Message.Contains("were asked for"));
    }

    [Test]
    public void ASilentServerIsGivenUp()
    {
        int count = 0;
        _server.Before = async context =>
        {
            if (IsData(context) && Interlocked.Increment(ref count) > 4)
            {
                await Task.Delay(TimeSpan.FromSeconds(20), context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                return false;
            }

            return true;
        };
        HttpFilesOptions options = s_impatient with { Patience = TimeSpan.FromMilliseconds(200), Retries = 1 };
        Assert.That(() => Run("split.onnx", options), Throws.TypeOf<WeightsException>().With.Message.Contains("silent"));
    }

    [Test]
    public void ASlowServerIsWaitedFor()
    {
        int count = 0;
        _server.Before = async context =>
        {
            if (IsData(context) && Interlocked.Increment(ref count) is > 4 and < 8)
            {
                // Longer than the patience in all, but never silent for as long.
                (long from, long to) = Range(context);
                byte[] bytes = (await File.ReadAllBytesAsync(FileOf(context))).AsSpan((int)from, (int)(to - from + 1)).ToArray();
                PromisePart(context, from, to);
                for (int i = 0; i < 8; i++)
                {
                    await context.Response.Body.WriteAsync(bytes.AsMemory(bytes.Length * i / 8, bytes.Length * (i + 1) / 8 - bytes.Length * i / 8));
                    await context.Response.Body.FlushAsync();
                    await Task.Delay(100);
                }

                return false;
            }

            return true;
        };
        Assert.That(Run("split.onnx", s_impatient with { Patience = TimeSpan.FromMilliseconds(500) }), Is.EqualTo(_expected));
    }

    [Test]
    public void RedirectsAreFollowedAndTheTokenStaysHome()
    {
        using KestrelServer store = new(_folder);
        _server.Before = context =>
        {
            context.Response.Redirect(new Uri(store.Address, context.Request.Path.Value!.TrimStart('/')).ToString() + "?signed=yes", permanent: false, preserveMethod: true);
            return Task.FromResult(false);
        };
        Assert.That(Run("split.onnx", s_impatient with { BearerToken = "secret" }), Is.EqualTo(_expected));
        Assert.That(_server.Requests, Is.Not.Empty.And.All.Contains("Bearer secret"));
        Assert.That(store.Requests, Is.Not.Empty.And.None.Contains("secret"));
    }

    [Test]
    public void ATokenIsSentAndNeverShown()
    {
        _server.Before = context => Task.FromResult(!(context.Request.Headers.Authorization != "Bearer right" && Answer(context, HttpStatusCode.Unauthorized, null)));
        Assert.That(Run("split.onnx", s_impatient with { BearerToken = "right" }), Is.EqualTo(_expected));
        Assert.That(() => Run("split.onnx", s_impatient with { BearerToken = "wrong-secret" }), Throws.TypeOf<WeightsException>().With.Message.Contains("401").And.Message.Not.Contains("wrong-secret"));
    }

    [Test]
    public void NamesStayInTheFolder()
    {
        using HttpFiles files = new(new Uri(_server.Address, "folder/"), s_impatient);
        Assert.That(() => files.Find("../split.onnx"), Throws.TypeOf<ModelFormatException>());
        Assert.That(files.Find("model.txt"), Is.Not.Null);
        Assert.That(files.Find("with space?.bin"), Is.Null);
        Assert.That(_server.Requests, Has.Some.StartsWith("/folder/with%20space%3F.bin").Or.Some.StartsWith("/folder/with space?.bin"));
    }

    private float[] Run(string place, HttpFilesOptions? options = null) => Run(_server.Address, place, options ?? s_impatient);

    private float[] Run(Uri server, string place, HttpFilesOptions options)
    {
        (Model model, HttpFiles files) = HttpFiles.OpenModel(new Uri(server, place), options);
        using HttpFiles opened = files;
        using InferenceSession session = new(model, new SessionOptions { ThreadCount = 2 });
        return Output(session.Run(_inputs));
    }

    private static float[] Output(RunResult result) => result.Outputs.Values.First().Span<float>().ToArray();

    private static TensorBuffer Fill(ValueMetadata input)
    {
        TensorBuffer tensor = new(input.ElementType, new Shape([.. input.Dimensions!.Select(dimension => dimension.IsKnown ? dimension.Value : 1)]));
        Random random = new(1);
        if (input.ElementType == ElementType.Float32)
        {
            foreach (ref float number in tensor.Span<float>())
            {
                number = random.NextSingle();
            }
        }

        return tensor;
    }

    private static bool IsData(HttpContext context) => context.Request.Path.Value!.EndsWith(".data", StringComparison.Ordinal);

    private string FileOf(HttpContext context) => Path.Combine(_folder, context.Request.Path.Value!.TrimStart('/'));

    private static (long From, long To) Range(HttpContext context)
    {
        string[] ends = context.Request.Headers.Range.ToString()["bytes=".Length..].Split('-');
        return (long.Parse(ends[0], System.Globalization.CultureInfo.InvariantCulture), long.Parse(ends[1], System.Globalization.CultureInfo.InvariantCulture));
    }

    // The headers of static files, as Kestrel's own middleware makes them.
    private void PromisePart(HttpContext context, long from, long to)
    {
        FileInfo file = new(FileOf(context));
        DateTimeOffset changed = new DateTimeOffset(file.LastWriteTimeUtc).ToUniversalTime();
        changed = new DateTimeOffset(changed.Year, changed.Month, changed.Day, changed.Hour, changed.Minute, changed.Second, changed.Offset).ToUniversalTime();
        context.Response.StatusCode = (int)HttpStatusCode.PartialContent;
        context.Response.Headers.ETag = $"\"{Convert.ToString(changed.ToFileTime() ^ file.Length, 16)}\"";
        context.Response.Headers.ContentRange = $"bytes {from}-{to}/{file.Length}";
        context.Response.ContentLength = to - from + 1;
    }

    private static bool Answer(HttpContext context, HttpStatusCode status, string? retryAfter)
    {
        context.Response.StatusCode = (int)status;
        if (retryAfter is not null)
        {
            context.Response.Headers.RetryAfter = retryAfter;
        }

        return true;
    }
}
