using System.Net;
using Microsoft.AspNetCore.Http;

namespace OnnxStream.Interop.Http.Tests;

/// <summary>Models that come from real servers, which misbehave in all ways that servers do.</summary>
public class ModelDownloadTests
{
    private static readonly HttpFilesOptions s_impatient = new() { Retries = 3, RetryDelay = TimeSpan.FromMilliseconds(5), Patience = TimeSpan.FromSeconds(2), BearerToken = "" };

    private string _root = "";
    private string _source = "";
    private byte[] _weights = [];
    private HubServer _hub = null!;
    private LocalModels _local = null!;

    [SetUp]
    public void Start()
    {
        _root = Directory.CreateTempSubdirectory("onnxstream-pull-").FullName;
        _source = Directory.CreateDirectory(Path.Combine(_root, "source")).FullName;
        Directory.CreateDirectory(Path.Combine(_source, "onnx"));
        _weights = new byte[3_000_001];
        new Random(1).NextBytes(_weights);
        File.WriteAllBytes(Path.Combine(_source, "onnx", "model.onnx"), _weights);
        File.WriteAllText(Path.Combine(_source, "config.json"), "{}");
        File.WriteAllText(Path.Combine(_source, "vocab.txt"), "a\nb\n");
        File.WriteAllText(Path.Combine(_source, "README.md"), "words");
        File.WriteAllText(Path.Combine(_source, "pytorch_model.bin"), "weights");
        _hub = new HubServer(_source);
        _local = new LocalModels(Path.Combine(_root, "hub"), Path.Combine(_root, "models"));
    }

    [TearDown]
    public void Stop()
    {
        _hub.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [TestCase(1000)]
    [TestCase(2)]
    public void ARepositoryLiesAsOtherToolsHaveIt(int pageFiles)
    {
        _hub.PageFiles = pageFiles;
        List<DownloadProgress> reports = [];
        string folder = Pull(HubServer.Repository, reports);

        string entry = Path.Combine(_local.HubCache, "models--someone--small-model");
        Assert.That(folder, Is.EqualTo(Path.Combine(entry, "snapshots", HubServer.Commit)));
        Assert.That(File.ReadAllText(Path.Combine(entry, "refs", "main")), Is.EqualTo(HubServer.Commit));
        FileInfo model = new(Path.Combine(folder, "onnx", "model.onnx"));
        Assert.That(model.LinkTarget, Is.EqualTo($"../../../blobs/{HubServer.Sha256(_weights)}"));
        Assert.That(File.ReadAllBytes(model.FullName), Is.EqualTo(_weights));
        Assert.That(new FileInfo(Path.Combine(folder, "config.json")).LinkTarget, Is.EqualTo($"../../blobs/{HubServer.GitName("{}"u8.ToArray())}"));
        Assert.That(Directory.GetFiles(Path.Combine(entry, "blobs")), Has.Length.EqualTo(3), "notes and weights of another library are left");
        Assert.That(_local.Find(HubServer.Repository), Is.EqualTo(folder));
        Assert.That(reports[^1].Bytes, Is.EqualTo(reports[^1].TotalBytes).And.EqualTo(_weights.Length + 2 + 4));

        LocalModel listed = _local.List().Single();
        Assert.That((listed.Name, listed.Bytes, listed.Revisions.Single()), Is.EqualTo((HubServer.Repository, _weights.Length + 2L + 4 + 40, HubServer.Commit)));
        _hub.Server.Requests.Clear();
        Pull(HubServer.Repository);
        Assert.That(_hub.Server.Requests.All(request => request.StartsWith("/api/", StringComparison.Ordinal)), "nothing comes twice");
        Assert.That(_local.Remove(HubServer.Repository)!.Bytes, Is.EqualTo(listed.Bytes));
        Assert.That(_local.Find(HubServer.Repository), Is.Null);
        Assert.That(_local.Remove(HubServer.Repository), Is.Null);
    }

    [Test]
    public void WhatAnotherToolHasFetchedIsUsed()
    {
        string entry = Path.Combine(_local.HubCache, "models--someone--small-model");
        Directory.CreateDirectory(Path.Combine(entry, "blobs"));
        File.WriteAllBytes(Path.Combine(entry, "blobs", HubServer.Sha256(_weights)), _weights);
        using (ModelDownload download = Find(HubServer.Repository))
        {
            Assert.That((download.MissingBytes, download.TotalBytes, download.IsComplete), Is.EqualTo((6L, _weights.Length + 6L, false)));
        }

        _hub.Server.Requests.Clear();
        string folder = Pull(HubServer.Repository);
        Assert.That(_hub.Server.Requests.Any(request => request.Contains("model.onnx", StringComparison.Ordinal)), Is.False);
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "onnx", "model.onnx")), Is.EqualTo(_weights));
    }

    [Test]
    public void PatternsChooseFiles()
    {
        using ModelDownload download = Find(HubServer.Repository, "*.json", "README*");
        Assert.That(download.Files.Select(file => file.Name), Is.EquivalentTo(new[] { "config.json", "README.md" }));
        Assert.That(() => Find(HubServer.Repository, "*.safetensors"), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("*.safetensors").And.Message.Contains("config.json"));
    }

    [TestCase("/")]
    [TestCase("/tree/main")]
    public void TheAddressOfARepositoryIsItsName(string behind)
    {
        using ModelDownload download = Find(new Uri(_hub.Address, HubServer.Repository + behind).AbsoluteUri);
        Assert.That(download.Folder, Does.EndWith(HubServer.Commit));
    }

    [Test]
    public void ARegisteredModelNeedsAHub()
    {
        Assert.That(ModelRegistry.All, Is.Not.Empty.And.All.Matches<RegisteredModel>(model => RepositoryName.TryParse($"{model.Repository}@{model.Revision}", out _, out _) && model.Files.Count > 0));
        Assert.That(ModelRegistry.All.Select(model => model.Name), Is.Unique);
        string? hub = Environment.GetEnvironmentVariable("HF_ENDPOINT");
        Environment.SetEnvironmentVariable("HF_ENDPOINT", null);
        try
        {
            Assert.That(() => Find(ModelRegistry.All[0].Name, endpoint: null), Throws.TypeOf<ArgumentException>().With.Message.Contains("HF_ENDPOINT").And.Message.Contains(ModelRegistry.All[0].Repository));
        }
        finally
        {
            Environment.SetEnvironmentVariable("HF_ENDPOINT", hub);
        }

        Assert.That(() => Find("no such model"), Throws.TypeOf<ArgumentException>().With.Message.Contains(ModelRegistry.All[0].Name));
        Assert.That(_local.Find(ModelRegistry.All[0].Name), Is.Null);
    }

    [Test]
    public void LostConnectionsGoOnWhereTheyEnded()
    {
        int count = 0;
        _hub.Before = async context =>
        {
            if (!context.Request.Path.Value!.EndsWith("model.onnx", StringComparison.Ordinal) || Interlocked.Increment(ref count) > 3)
            {
                return true;
            }

            // A part of what was promised, and the end.
            int from = (int)(context.Request.GetTypedHeaders().Range?.Ranges.First().From ?? 0);
            context.Response.StatusCode = from > 0 ? 206 : 200;
            context.Response.ContentLength = _weights.Length - from;
            if (from > 0)
            {
                context.Response.Headers.ContentRange = $"bytes {from}-{_weights.Length - 1}/{_weights.Length}";
            }

            await context.Response.Body.WriteAsync(_weights.AsMemory(from, 500_000));
            await context.Response.Body.FlushAsync();
            context.Abort();
            return false;
        };
        string folder = Pull(HubServer.Repository);
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "onnx", "model.onnx")), Is.EqualTo(_weights));
        Assert.That(_hub.Server.Requests.Count(request => request.Contains("model.onnx", StringComparison.Ordinal) && request.Contains("bytes=", StringComparison.Ordinal)), Is.AtLeast(3));
    }

    [Test]
    public void ACancelledDownloadGoesOn([Values] bool withRanges)
    {
        using CancellationTokenSource cancellation = new();
        using (ModelDownload download = Find(HubServer.Repository))
        {
            Reports reports = new(report =>
            {
                if (report.Bytes > 1_000_000)
                {
                    cancellation.Cancel();
                }
            });
            Assert.That(() => download.RunAsync(reports, cancellation.Token).GetAwaiter().GetResult(), Throws.InstanceOf<OperationCanceledException>());
            Assert.That(download.IsComplete, Is.False);
            Assert.That(download.MissingBytes, Is.LessThan(_weights.Length - 500_000));
        }

        Assert.That(_local.Find(HubServer.Repository), Is.Null, "half a model is none");
        _hub.Server.Requests.Clear();
        if (!withRanges)
        {
            _hub.Before = context =>
            {
                context.Request.Headers.Remove("Range");
                return Task.FromResult(true);
            };
        }

        string folder = Pull(HubServer.Repository);
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "onnx", "model.onnx")), Is.EqualTo(_weights));
        Assert.That(Directory.GetFiles(Path.Combine(_local.HubCache, "models--someone--small-model", "blobs")), Has.Length.EqualTo(3).And.None.Contains("part"));
        Assert.That(_hub.Server.Requests.Any(request => request.Contains("bytes=", StringComparison.Ordinal)));
    }

    [Test]
    public void AFullDiskIsOneErrorAndTheNextCallGoesOn()
    {
        if (!File.Exists("/dev/full"))
        {
            Assert.Ignore("There is no /dev/full.");
        }

        string part;
        using (ModelDownload download = Find(HubServer.Repository))
        {
            DownloadFile file = download.Files.Single(file => file.Name == "onnx/model.onnx");
            string blob = Path.Combine(_local.HubCache, "models--someone--small-model", "blobs", file.Hash!);
            Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
            part = FileFetch.PartPath(file, blob);
            File.CreateSymbolicLink(part, "/dev/full");
            Assert.That(() => download.RunAsync().GetAwaiter().GetResult(), Throws.TypeOf<IOException>().With.Message.Contains("No space left").And.Message.Contains("goes on from there"));
            Assert.That(download.IsComplete, Is.False);
        }

        File.Delete(part);
        Assert.That(File.ReadAllBytes(Path.Combine(Pull(HubServer.Repository), "onnx", "model.onnx")), Is.EqualTo(_weights));
    }

    [Test]
    public void WhatHasNoRoomIsRefusedBeforeItComes()
    {
        File.WriteAllText(Path.Combine(_source, "manifest.json"), """{"files": [{"name": "config.json", "size": 4000000000000000000}]}""");
        using ModelDownload download = Find(_hub.Address.AbsoluteUri, name: "large");
        Assert.That(() => download.RunAsync().GetAwaiter().GetResult(), Throws.TypeOf<IOException>().With.Message.Contains("4,000,000,000,000,000,000").And.Message.Contains("room"));
    }

    [Test]
    public void OtherBytesThanPromisedAreRefused([Values("config.json", "onnx/model.onnx")] string name)
    {
        _hub.Hash = file => file == name ? new string('a', name == "config.json" ? 40 : 64) : null;
        Assert.That(() => Pull(HubServer.Repository), Throws.TypeOf<WeightsException>().With.Message.Contains(name).And.Message.Contains("aaaa").And.Message.Contains("hash"));
        Assert.That(_local.Find(HubServer.Repository), Is.Null);
    }

    [TestCase(HttpStatusCode.Unauthorized, "401", "HF_TOKEN")]
    [TestCase(HttpStatusCode.NotFound, "404", "not there")]
    [TestCase(HttpStatusCode.TooManyRequests, "429", "asked 4 times")]
    [TestCase(HttpStatusCode.ServiceUnavailable, "503", "asked 4 times")]
    [TestCase(HttpStatusCode.RequestedRangeNotSatisfiable, "416", "")]
    public void RefusalsThatStayAreOneError(HttpStatusCode status, string what, string advice)
    {
        string? hub = Environment.GetEnvironmentVariable("HF_ENDPOINT");
        Environment.SetEnvironmentVariable("HF_ENDPOINT", _hub.Address.AbsoluteUri);
        try
        {
            _hub.Before = context =>
            {
                context.Response.StatusCode = (int)status;
                context.Response.Headers.RetryAfter = "0";
                return Task.FromResult(false);
            };
            Assert.That(() => Pull(HubServer.Repository), Throws.TypeOf<WeightsException>().With.Message.Contains(what).And.Message.Contains(advice));
        }
        finally
        {
            Environment.SetEnvironmentVariable("HF_ENDPOINT", hub);
        }
    }

    [Test]
    public void RefusalsThatPassAreTriedAgain()
    {
        System.Collections.Concurrent.ConcurrentDictionary<string, int> counts = new();
        _hub.Before = context =>
        {
            if (counts.AddOrUpdate(context.Request.Path, 1, (_, count) => count + 1) < 3)
            {
                context.Response.StatusCode = 503;
                context.Response.Headers.RetryAfter = "0";
                return Task.FromResult(false);
            }

            return Task.FromResult(true);
        };
        Assert.That(File.ReadAllBytes(Path.Combine(Pull(HubServer.Repository), "onnx", "model.onnx")), Is.EqualTo(_weights));
    }

    [TestCase("../evil.onnx")]
    [TestCase("/etc/passwd")]
    [TestCase("a/./b")]
    [TestCase("c:\\\\windows")]
    public void ManifestsStayInTheirFolder(string name)
    {
        File.WriteAllText(Path.Combine(_source, "manifest.json"), $$"""{"files": [{"name": "{{name}}", "size": 1}]}""");
        Assert.That(() => Find(_hub.Address.AbsoluteUri, name: "evil"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("leaves the model's folder"));
    }

    [TestCase("[]")]
    [TestCase("{\"files\": []}")]
    [TestCase("{\"files\": [{\"name\": \"a\"}]}")]
    [TestCase("{\"files\": [{\"name\": \"a\", \"size\": -1}]}")]
    [TestCase("{\"files\": [{\"name\": \"a\", \"size\": 1, \"sha256\": \"xyz\"}]}")]
    [TestCase("{\"files\": [{\"name\": \"a\", \"size\": 1}, {\"name\": \"A\", \"size\": 1}]}")]
    [TestCase("not json")]
    public void ManifestsThatAreNone(string text)
    {
        File.WriteAllText(Path.Combine(_source, "manifest.json"), text);
        Assert.That(() => Find(_hub.Address.AbsoluteUri, name: "broken"), Throws.TypeOf<ModelFormatException>());
    }

    [Test]
    public void AFolderWithAManifestComesWhole([Values] bool fromNginx)
    {
        if (fromNginx && !NginxServer.IsInstalled)
        {
            Assert.Ignore("nginx is not installed (Debian: nginx-light).");
        }

        File.WriteAllBytes(Path.Combine(_source, "manifest.json"), DownloadManifest.OfFolder(_source).Write());
        using NginxServer? nginx = fromNginx ? new NginxServer(_source, "limit_rate 20m; keepalive_requests 1;") : null;
        string address = (nginx?.Address ?? _hub.Address).AbsoluteUri;
        string folder = Pull(address, name: "mine");
        Assert.That(folder, Is.EqualTo(Path.Combine(_local.Folder, "mine")).And.EqualTo(_local.Find("mine")));
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "onnx", "model.onnx")), Is.EqualTo(_weights));

        // Another version takes its place as a whole.
        _weights[17]++;
        File.WriteAllBytes(Path.Combine(_source, "onnx", "model.onnx"), _weights);
        Assert.That(() => Pull(address, name: "mine"), Throws.Nothing, "the manifest says what it said");
        File.WriteAllBytes(Path.Combine(_source, "manifest.json"), DownloadManifest.OfFolder(_source).Write());
        using (ModelDownload download = Find(address, name: "mine"))
        {
            Assert.That(download.IsComplete, Is.False);
        }

        Pull(address, name: "mine");
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "onnx", "model.onnx")), Is.EqualTo(_weights));
        Assert.That(Directory.GetDirectories(_local.Folder), Has.Length.EqualTo(1));
        Assert.That(_local.Remove("mine"), Is.Not.Null);
    }

    [Test]
    public void AServerThatLiesAboutLengths()
    {
        byte[] manifest = DownloadManifest.OfFolder(_source).Write();
        File.WriteAllBytes(Path.Combine(_source, "manifest.json"), manifest);
        File.WriteAllBytes(Path.Combine(_source, "onnx", "model.onnx"), _weights.AsSpan(0, 100_000).ToArray());
        Assert.That(() => Pull(_hub.Address.AbsoluteUri, name: "mine"), Throws.TypeOf<WeightsException>().With.Message.Contains("100,000").And.Message.Contains("3,000,001"));
        _hub.Before = async context =>
        {
            if (!context.Request.Path.Value!.EndsWith("model.onnx", StringComparison.Ordinal))
            {
                return true;
            }

            // No length, and more than there should be.
            await context.Response.StartAsync();
            await context.Response.Body.WriteAsync(_weights);
            await context.Response.Body.WriteAsync(_weights);
            return false;
        };
        Assert.That(() => Pull(_hub.Address.AbsoluteUri, name: "mine"), Throws.TypeOf<WeightsException>().With.Message.Contains("more than the 3,000,001"));
        Assert.That(_local.Find("mine"), Is.Null);
    }

    [Test]
    public void AModelWithoutAManifestComesWithTheFilesThatItNames()
    {
        string source = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "unet", "model.onnx");
        Model.Load(source).SaveOnnx(Path.Combine(_source, "unet.onnx"));
        string address = new Uri(_hub.Address, "unet.onnx").AbsoluteUri;
        string folder = Pull(address);
        Assert.That(Path.GetFileName(folder), Is.EqualTo("unet"));
        Assert.That(Directory.GetFiles(folder).Select(Path.GetFileName), Is.EquivalentTo(new[] { "manifest.json", "unet.onnx", "unet.onnx.data" }));
        Assert.That(File.ReadAllBytes(Path.Combine(folder, "unet.onnx.data")), Is.EqualTo(File.ReadAllBytes(Path.Combine(_source, "unet.onnx.data"))));
        Assert.That(Model.Load(Path.Combine(folder, "unet.onnx")).Inputs, Has.Count.GreaterThan(1));
        using ModelDownload again = Find(address);
        Assert.That(again.IsComplete);
        Assert.That(() => Find(new Uri(_hub.Address, "nothing.onnx").AbsoluteUri), Throws.TypeOf<FileNotFoundException>());
    }

    [Test]
    public void AFileThatChangesOnTheServerMeanwhile()
    {
        string source = Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "unet", "model.onnx");
        Model.Load(source).SaveOnnx(Path.Combine(_source, "unet.onnx"));
        using ModelDownload download = Find(new Uri(_hub.Address, "unet.onnx").AbsoluteUri);
        string data = Path.Combine(_source, "unet.onnx.data");
        File.SetLastWriteTimeUtc(data, DateTime.UtcNow.AddHours(1));
        Assert.That(() => download.RunAsync().GetAwaiter().GetResult(), Throws.TypeOf<WeightsException>().With.Message.Contains("changed on the server"));
        Assert.That(_local.Find("unet"), Is.Null);
    }

    [Test]
    public void TwoAtOnceDoNotMixTheirBytes()
    {
        using ModelDownload download = Find(HubServer.Repository);
        DownloadFile file = download.Files.Single(file => file.Name == "onnx/model.onnx");
        string blob = Path.Combine(_local.HubCache, "models--someone--small-model", "blobs", file.Hash!);
        Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
        using (new FileStream(FileFetch.PartPath(file, blob), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.That(() => download.RunAsync().GetAwaiter().GetResult(), Throws.TypeOf<IOException>().With.Message.Contains("another process"));
        }

        Assert.That(() => download.RunAsync().GetAwaiter().GetResult(), Throws.Nothing);
    }

    private ModelDownload Find(string model, params string[] included) => Find(model, _hub.Address, null, included);

    private ModelDownload Find(string model, Uri? endpoint = null, string? name = null, params string[] included) =>
        ModelDownload.FindAsync(model, new ModelDownloadOptions { Endpoint = endpoint, Included = included, Name = name, Local = _local, Http = s_impatient }).GetAwaiter().GetResult();

    private string Pull(string model, List<DownloadProgress>? reports = null, string? name = null)
    {
        using ModelDownload download = Find(model, _hub.Address, name);
        return download.RunAsync(reports is null ? null : new Reports(reports.Add)).GetAwaiter().GetResult();
    }

    private sealed class Reports(Action<DownloadProgress> report) : IProgress<DownloadProgress>
    {
        private readonly Lock _lock = new();

        public void Report(DownloadProgress value)
        {
            lock (_lock)
            {
                report(value);
            }
        }
    }
}
