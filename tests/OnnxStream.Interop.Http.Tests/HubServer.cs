using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace OnnxStream.Interop.Http.Tests;

// Paths come from tests on this machine, and git's names are SHA-1.
#pragma warning disable CA3003, CA5350

/// <summary>A hub with one repository, on a real server: it answers as Hugging Face's does, and keeps large files behind a redirect.</summary>
internal sealed class HubServer : IDisposable
{
    /// <summary>The repository.</summary>
    public const string Repository = "someone/small-model";

    /// <summary>The commit of its branch main.</summary>
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private const int LargeBytes = 100_000;

    private readonly string _folder;

    /// <summary>Starts it.</summary>
    /// <param name="folder">The files of the repository.</param>
    public HubServer(string folder)
    {
        _folder = folder;
        Server = new KestrelServer(folder) { Before = BeforeFileAsync };
    }

    /// <summary>The server.</summary>
    public KestrelServer Server { get; }

    /// <summary>Its address.</summary>
    public Uri Address => Server.Address;

    /// <summary>How many files a page of the list has.</summary>
    public int PageFiles { get; set; } = 1000;

    /// <summary>Looks at each request for bytes of a file; false where it has answered.</summary>
    public Func<HttpContext, Task<bool>>? Before { get; set; }

    /// <summary>What the list says of a file's hash; null for the truth.</summary>
    public Func<string, string?>? Hash { get; set; }

    /// <summary>The SHA-256 of bytes, in hexadecimal digits.</summary>
    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>The name that git gives a file.</summary>
    public static string GitName(byte[] bytes) => Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes]));

    /// <inheritdoc/>
    public void Dispose() => Server.Dispose();

    private async Task<bool> BeforeFileAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        if (path == $"/api/models/{Repository}/revision/main")
        {
            await context.Response.WriteAsync($$"""{"id": "{{Repository}}", "sha": "{{Commit}}"}""");
            return false;
        }

        if (path == $"/api/models/{Repository}/tree/{Commit}")
        {
            await WriteTreeAsync(context);
            return false;
        }

        string resolve = $"/{Repository}/resolve/{Commit}/";
        if (path.StartsWith(resolve, StringComparison.Ordinal))
        {
            string name = path[resolve.Length..];
            if (new FileInfo(Path.Combine(_folder, name)).Length >= LargeBytes)
            {
                context.Response.Headers["X-Repo-Commit"] = Commit;
                context.Response.Redirect($"/{name}?signature=1");
                return false;
            }

            context.Request.Path = "/" + name;
        }
        else if (path.StartsWith("/api/", StringComparison.Ordinal))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return false;
        }

        return Before is null || await Before(context);
    }

    private async Task WriteTreeAsync(HttpContext context)
    {
        int first = int.Parse(context.Request.Query["cursor"].FirstOrDefault() ?? "0", CultureInfo.InvariantCulture);
        string[] files = [.. Directory.GetFiles(_folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        if (first + PageFiles < files.Length)
        {
            context.Response.Headers.Link = $"<{context.Request.Scheme}://{context.Request.Host}{context.Request.Path}?recursive=true&cursor={first + PageFiles}>; rel=\"next\"";
        }

        List<object> entries = [new { type = "directory", oid = new string('0', 40), size = 0, path = "onnx" }];
        foreach (string file in files.Skip(first).Take(PageFiles))
        {
            byte[] bytes = await File.ReadAllBytesAsync(file);
            string name = Path.GetRelativePath(_folder, file);
            string git = Hash?.Invoke(name) ?? GitName(bytes), sha256 = Hash?.Invoke(name) ?? Sha256(bytes);
            entries.Add(bytes.Length >= LargeBytes
                ? new { type = "file", oid = new string('1', 40), size = bytes.Length, lfs = new { oid = sha256, size = bytes.Length, pointerSize = 133 }, path = name }
                : new { type = "file", oid = git, size = bytes.Length, path = name });
        }

        await context.Response.WriteAsync(JsonSerializer.Serialize(entries));
    }
}
