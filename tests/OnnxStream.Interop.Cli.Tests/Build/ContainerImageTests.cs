using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;

namespace OnnxStream.Interop.Cli.Tests.Build;

/// <summary>The container image that <c>packaging/OnnxStream.Interop.Image.csproj</c> makes, on a base that comes from a registry of this process.</summary>
[Platform(Include = "Linux")]
[SupportedOSPlatform("linux")]
internal sealed class ContainerImageTests
{
    [TestCase("linux-x64", "amd64")]
    [TestCase("linux-arm64", "arm64")]
    public async Task An_image_runs_the_tool_and_not_as_root(string rid, string processor)
    {
        await using ImageRegistry registry = await ImageRegistry.StartAsync();
        using TemporaryFolder folder = new();
        string published = Directory.CreateDirectory(folder["published"]).FullName;
        File.Copy(Path.Combine(Repository.Root, "LICENSE"), Path.Combine(published, "LICENSE"));
        await File.WriteAllTextAsync(Path.Combine(published, "onnxstream"), "the program");
        File.SetUnixFileMode(Path.Combine(published, "onnxstream"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        string archive = folder["image.tar.gz"];
        await MakeAsync(rid, published, registry.Image, archive);

        Dictionary<string, byte[]> files = await ReadAsync(File.OpenRead(archive), entry => entry.Name);
        JsonElement image = JsonElement.Parse(files["manifest.json"])[0];
        JsonElement configuration = JsonElement.Parse(files[image.GetProperty("Config").GetString()!]);
        JsonElement settings = configuration.GetProperty("config");
        string[] layers = [.. image.GetProperty("Layers").EnumerateArray().Select(layer => layer.GetString()!)];
        using MemoryStream last = new(files[layers[^1]]);
        Dictionary<string, byte[]> own = await ReadAsync(new GZipStream(last, CompressionMode.Decompress), entry => $"{entry.Name} {(entry.Mode.HasFlag(UnixFileMode.OtherExecute) ? 'x' : '-')}");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(image.GetProperty("RepoTags").EnumerateArray().Select(tag => tag.GetString()), Does.Contain("onnxstream:latest"));
            Assert.That(configuration.GetProperty("architecture").GetString(), Is.EqualTo(processor));
            Assert.That(settings.GetProperty("User").GetString(), Is.EqualTo("1654:1654"), "the base's user is root");
            Assert.That(settings.GetProperty("Entrypoint").ToString(), Is.EqualTo("""["/app/onnxstream"]"""));
            Assert.That(settings.GetProperty("ExposedPorts").ToString(), Is.EqualTo("""{"8080/tcp":{}}"""));
            Assert.That(settings.GetProperty("Env").EnumerateArray().Select(value => value.GetString()), Does.Contain("HOME=/tmp"), "nothing else is written to");
            Assert.That(layers, Has.Length.EqualTo(2), "the base, and the tool");
            Assert.That(own.Keys, Does.Contain("app/onnxstream x").And.Contain("app/LICENSE x"));
            Assert.That(own.Where(file => file.Key == "app/onnxstream x").Select(file => Encoding.UTF8.GetString(file.Value)), Is.EqualTo(new[] { "the program" }));
        }
    }

    private static async Task MakeAsync(string rid, string published, string image, string archive)
    {
        ProcessStartInfo start = new(
            Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            [
                "msbuild", Path.Combine(Repository.Root, "packaging", "OnnxStream.Interop.Image.csproj"), "-t:PublishContainer", $"-p:RuntimeIdentifier={rid}", $"-p:PublishDir={published}/",
                $"-p:ContainerBaseImage={image}", $"-p:ContainerArchiveOutputPath={archive}", "-nodeReuse:false", "-v:quiet",
            ])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process build = Process.Start(start)!;
        Task<string> error = build.StandardError.ReadToEndAsync();
        string output = await build.StandardOutput.ReadToEndAsync() + await error;
        await build.WaitForExitAsync();
        Assert.That(build.ExitCode, Is.Zero, output);
    }

    private static async Task<Dictionary<string, byte[]>> ReadAsync(Stream archive, Func<TarEntry, string> key)
    {
        await using Stream open = archive;
        await using TarReader reader = new(open);
        Dictionary<string, byte[]> files = [];
        while (await reader.GetNextEntryAsync() is { } entry)
        {
            if (entry.DataStream is { } data)
            {
                using MemoryStream content = new();
                await data.CopyToAsync(content);
                files[key(entry)] = content.ToArray();
            }
        }

        return files;
    }
}
