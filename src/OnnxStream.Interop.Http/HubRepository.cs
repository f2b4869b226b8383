using System.Text.Json;

namespace OnnxStream.Interop.Http;

/// <summary>What a hub says of a repository: the commit of a revision, and its files.</summary>
/// <param name="Commit">The commit.</param>
/// <param name="Files">The files, with lengths and hashes.</param>
internal sealed record HubRepository(string Commit, IReadOnlyList<DownloadFile> Files)
{
    private const int MostPages = 1000;
    private const int MostAnswerBytes = 64 << 20;

    /// <summary>Asks a hub.</summary>
    /// <param name="connection">The hub.</param>
    /// <param name="endpoint">Its address.</param>
    /// <param name="repository">The repository, <c>OWNER/NAME</c>.</param>
    /// <param name="revision">A branch, a tag or a commit.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="WeightsException">The hub refuses, or is lost.</exception>
    /// <exception cref="ModelFormatException">Its answer is not what it should be.</exception>
    public static async Task<HubRepository> AskAsync(HttpConnection connection, Uri endpoint, string repository, string revision, CancellationToken cancellationToken)
    {
        string root = endpoint.GetLeftPart(UriPartial.Path).TrimEnd('/');
        string name = string.Join('/', repository.Split('/').Select(Uri.EscapeDataString));
        (JsonDocument revisionAnswer, _) = await GetAsync(connection, new Uri($"{root}/api/models/{name}/revision/{Uri.EscapeDataString(revision)}"), cancellationToken).ConfigureAwait(false);
        string place = $"{root}/{repository}";
        string commit;
        using (revisionAnswer)
        {
            commit = Read(place, () => revisionAnswer.RootElement.GetProperty("sha").GetString());
            if (!HubFolder.IsCommit(commit))
            {
                throw new ModelFormatException(place, $"the hub says that the commit of '{revision}' is '{commit}': expected 40 hexadecimal digits.");
            }
        }

        List<DownloadFile> files = [];
        Uri? page = new($"{root}/api/models/{name}/tree/{commit}?recursive=true");
        for (int pages = 0; page is not null; pages++)
        {
            if (pages == MostPages)
            {
                throw new ModelFormatException(place, $"the hub lists the files in more than {MostPages:N0} pages.");
            }

            (JsonDocument answer, Uri? next) = await GetAsync(connection, page, cancellationToken).ConfigureAwait(false);
            using (answer)
            {
                Read(place, () =>
                {
                    foreach (JsonElement entry in answer.RootElement.EnumerateArray())
                    {
                        if (entry.GetProperty("type").GetString() == "file")
                        {
                            files.Add(File(entry, root, name, commit, place));
                        }
                    }

                    return "";
                });
            }

            page = next is null || (next.Host == endpoint.Host && next.Port == endpoint.Port && next.Scheme == endpoint.Scheme) ? next : throw new ModelFormatException(place, $"the hub's list of files goes on at {next.Host}, which is another server.");
        }

        return new HubRepository(commit, files);
    }

    private static DownloadFile File(JsonElement entry, string root, string name, string commit, string place)
    {
        string path = DownloadFile.CheckName(entry.GetProperty("path").GetString(), place);
        JsonElement bytes = entry.TryGetProperty("lfs", out JsonElement large) && large.ValueKind == JsonValueKind.Object ? large : entry;
        long length = bytes.GetProperty("size").GetInt64();
        return new DownloadFile(path, new Uri($"{root}/{name}/resolve/{commit}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}"))
        {
            Length = length >= 0 ? length : throw new ModelFormatException(place, $"the hub says that '{path}' has {length:N0} bytes."),
            Hash = DownloadFile.CheckHash(bytes.GetProperty("oid").GetString(), place),
        };
    }

    private static async Task<(JsonDocument Answer, Uri? Next)> GetAsync(HttpConnection connection, Uri address, CancellationToken cancellationToken)
    {
        using HttpResponseMessage answer = await connection.SendAsync(address, null, cancellationToken).ConfigureAwait(false);
        if (answer.StatusCode != System.Net.HttpStatusCode.OK)
        {
            throw connection.Refusal(address, answer);
        }

        byte[] bytes = await BodyAsync(answer, address, connection, MostAnswerBytes, cancellationToken).ConfigureAwait(false);
        try
        {
            return (JsonDocument.Parse(bytes), Next(answer, address));
        }
        catch (JsonException exception)
        {
            throw new ModelFormatException(HttpConnection.Name(address), $"the answer is not JSON, so this is no hub, or it is broken: {exception.Message}", exception);
        }
    }

    /// <summary>The bytes of an answer that is small.</summary>
    public static async Task<byte[]> BodyAsync(HttpResponseMessage answer, Uri address, HttpConnection connection, int mostBytes, CancellationToken cancellationToken)
    {
        using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(connection.Options.Patience);
        try
        {
            using Stream content = await answer.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
            using MemoryStream bytes = new();
            byte[] buffer = new byte[64 << 10];
            for (int count; (count = await content.ReadAsync(buffer, silence.Token).ConfigureAwait(false)) > 0;)
            {
                silence.CancelAfter(connection.Options.Patience);
                await bytes.WriteAsync(buffer.AsMemory(0, count), silence.Token).ConfigureAwait(false);
                if (bytes.Length > mostBytes)
                {
                    throw new ModelFormatException(HttpConnection.Name(address), $"the answer has more than {mostBytes:N0} bytes.");
                }
            }

            return bytes.ToArray();
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested && exception is (IOException or HttpRequestException or OperationCanceledException))
        {
            throw new WeightsException($"{HttpConnection.Name(address)}: the connection was lost: {exception.Message}", exception);
        }
    }

    // RFC 8288: <address>; rel="next".
    private static Uri? Next(HttpResponseMessage answer, Uri address)
    {
        foreach (string link in answer.Headers.TryGetValues("Link", out IEnumerable<string>? links) ? links.SelectMany(value => value.Split(',')) : [])
        {
            int end = link.IndexOf('>', StringComparison.Ordinal), start = link.IndexOf('<', StringComparison.Ordinal);
            if (start >= 0 && end > start && link[end..].Contains("rel=\"next\"", StringComparison.Ordinal) && Uri.TryCreate(address, link[(start + 1)..end], out Uri? next))
            {
                return next;
            }
        }

        return null;
    }

    private static string Read(string place, Func<string?> read)
    {
        try
        {
            return read() ?? "";
        }
        catch (Exception exception) when (exception is InvalidOperationException or KeyNotFoundException or FormatException or UriFormatException)
        {
            throw new ModelFormatException(place, $"the hub's answer is not what it should be: {exception.Message}", exception);
        }
    }
}
