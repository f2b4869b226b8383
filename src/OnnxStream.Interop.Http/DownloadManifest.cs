using System.Security.Cryptography;
using System.Text.Json;

namespace OnnxStream.Interop;

/// <summary>The files of a model with their lengths and hashes, as JSON: <c>{"files": [{"name": "model.onnx", "size": 1234, "sha256": "…"}]}</c>.</summary>
/// <param name="Files">The files. Their addresses are those beside the manifest.</param>
/// <remarks>A folder with such a file on any server of static files can be pulled by its address.</remarks>
public sealed record DownloadManifest(IReadOnlyList<DownloadFile> Files)
{
    /// <summary>What the file is called in a folder.</summary>
    public const string FileName = "manifest.json";

    private const int MostFiles = 100_000;

    /// <summary>Reads a manifest.</summary>
    /// <param name="json">Its text, in UTF-8.</param>
    /// <param name="address">Where it was found: names stand for addresses beside it, with its query.</param>
    /// <exception cref="ModelFormatException">It is none.</exception>
    public static DownloadManifest Parse(ReadOnlyMemory<byte> json, Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        string place = address.IsFile ? address.LocalPath : Http.HttpConnection.Name(address);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            List<DownloadFile> files = [];
            HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
            foreach (JsonElement entry in document.RootElement.GetProperty("files").EnumerateArray())
            {
                string name = DownloadFile.CheckName(entry.GetProperty("name").GetString(), place);
                if (!names.Add(name) || names.Count > MostFiles)
                {
                    throw new ModelFormatException(place, names.Count > MostFiles ? $"the manifest has more than {MostFiles:N0} files." : $"the manifest has the file '{name}' twice, or one whose name differs in case alone.");
                }

                long length = entry.GetProperty("size").GetInt64();
                files.Add(new DownloadFile(name, Beside(address, name))
                {
                    Length = length >= 0 ? length : throw new ModelFormatException(place, $"the manifest says that '{name}' has {length:N0} bytes."),
                    Hash = entry.TryGetProperty("sha256", out JsonElement hash) ? DownloadFile.CheckHash(hash.GetString(), place) : null,
                    Version = address.IsFile && entry.TryGetProperty("version", out JsonElement version) ? version.GetString() : null,
                });
            }

            return files.Count > 0 ? new DownloadManifest(files) : throw new ModelFormatException(place, "the manifest names no file.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new ModelFormatException(place, $"this is no manifest of a model (expected {{\"files\": [{{\"name\", \"size\", \"sha256\"}}]}}): {exception.Message}", exception);
        }
    }

    /// <summary>Describes the files of a folder, folders in it included; a manifest that is there is left out. All of them are read.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public static DownloadManifest OfFolder(string folder, CancellationToken cancellationToken = default)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        List<DownloadFile> files = [];
        byte[] buffer = new byte[1 << 20];
        foreach (string path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(folder, path).Replace('\\', '/');
            if (name == FileName)
            {
                continue;
            }

            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            long length = 0;
            for (int count; (count = stream.Read(buffer)) > 0; length += count)
            {
                cancellationToken.ThrowIfCancellationRequested();
                hash.AppendData(buffer, 0, count);
            }

            files.Add(new DownloadFile(DownloadFile.CheckName(name, folder), new Uri(path)) { Length = length, Hash = Convert.ToHexStringLower(hash.GetHashAndReset()) });
        }

        return new DownloadManifest(files);
    }

    /// <summary>The text of the manifest, in UTF-8.</summary>
    /// <param name="origin">The address that the files came from; null to leave it out.</param>
    public byte[] Write(string? origin = null)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            writer.WriteStartObject();
            if (origin is not null)
            {
                writer.WriteString("origin", origin);
            }

            writer.WriteStartArray("files");
            foreach (DownloadFile file in Files)
            {
                writer.WriteStartObject();
                writer.WriteString("name", file.Name);
                writer.WriteNumber("size", file.Length ?? throw new InvalidOperationException($"The length of '{file.Name}' is not known."));
                if (file.Hash is { Length: 64 } hash)
                {
                    writer.WriteString("sha256", hash);
                }

                if (file.Version is not null)
                {
                    writer.WriteString("version", file.Version);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static Uri Beside(Uri address, string name)
    {
        string path = string.Join('/', name.Split('/').Select(Uri.EscapeDataString));
        return new UriBuilder(new Uri(address, ".")) { Query = address.Query, Path = new Uri(address, ".").AbsolutePath + path }.Uri;
    }
}
