using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace OnnxStream.Interop.Cli.Tests.Build;

/// <summary>A registry on a free port of loopback with one image, <c>base:1</c>, of a single file, for two processors (https://github.com/opencontainers/distribution-spec).</summary>
internal sealed class ImageRegistry : IAsyncDisposable
{
    private const string Manifest = "application/vnd.oci.image.manifest.v1+json";

    private const string Index = "application/vnd.oci.image.index.v1+json";

    private readonly WebApplication _application;
    private readonly Dictionary<string, (string Type, byte[] Content)> _contents = new(StringComparer.Ordinal);

    private ImageRegistry(WebApplication application)
    {
        _application = application;
        using MemoryStream tar = new();
        using (TarWriter writer = new(tar, leaveOpen: true))
        {
            using MemoryStream text = new("base"u8.ToArray());
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "etc/base") { DataStream = text });
        }

        using MemoryStream packed = new();
        using (GZipStream stream = new(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            stream.Write(tar.ToArray());
        }

        string layer = Add("application/vnd.oci.image.layer.v1.tar+gzip", packed.ToArray());
        string manifests = string.Join(',', ((string[])["amd64", "arm64"]).Select(processor =>
        {
            string configuration = Add(
                "application/vnd.oci.image.config.v1+json", $$$"""{"architecture":"{{{processor}}}","os":"linux","config":{"User":"root"},"rootfs":{"type":"layers","diff_ids":["{{{Digest(tar.ToArray())}}}"]},"history":[]}""");
            string manifest = Add(Manifest, $$$"""{"schemaVersion":2,"mediaType":"{{{Manifest}}}","config":{{{Describe(configuration)}}},"layers":[{{{Describe(layer)}}}]}""");
            return $$$"""{{{{Describe(manifest)[1..^1]}}},"platform":{"architecture":"{{{processor}}}","os":"linux"}}""";
        }));
        _contents["1"] = (Index, Encoding.UTF8.GetBytes($$$"""{"schemaVersion":2,"mediaType":"{{{Index}}}","manifests":[{{{manifests}}}]}"""));
    }

    /// <summary>The name of the image.</summary>
    public string Image { get; private set; } = "";

    public static async Task<ImageRegistry> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication application = builder.Build();
        ImageRegistry registry = new(application);
        application.Run(registry.AnswerAsync);
        await application.StartAsync();
        string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        registry.Image = $"localhost:{new Uri(address).Port}/base:1";
        return registry;
    }

    public async ValueTask DisposeAsync()
    {
        await _application.StopAsync();
        await _application.DisposeAsync();
    }

    private static string Digest(byte[] bytes) => $"sha256:{Convert.ToHexStringLower(SHA256.HashData(bytes))}";

    private string Add(string type, string content) => Add(type, Encoding.UTF8.GetBytes(content));

    private string Add(string type, byte[] content)
    {
        string digest = Digest(content);
        _contents[digest] = (type, content);
        return digest;
    }

    private string Describe(string digest) => $$"""{"mediaType":"{{_contents[digest].Type}}","digest":"{{digest}}","size":{{_contents[digest].Content.Length}}}""";

    private Task AnswerAsync(HttpContext context)
    {
        if (!_contents.TryGetValue(context.Request.Path.Value!.Split('/')[^1], out (string Type, byte[] Content) found))
        {
            context.Response.StatusCode = context.Request.Path == "/v2/" ? StatusCodes.Status200OK : StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        context.Response.ContentType = found.Type;
        context.Response.ContentLength = found.Content.Length;
        context.Response.Headers["Docker-Content-Digest"] = Digest(found.Content);
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(found.Content).AsTask();
    }
}
