using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace OnnxStream.Interop.Http;

/// <summary>Brings one file of a server to its place. It appears there only when it is whole and what it should be; what came of it before stays beside it, and the next call goes on from there.</summary>
/// <param name="connection">The server.</param>
internal sealed class FileFetch(HttpConnection connection)
{
    // Told from what other programs leave in a shared cache, and with what the bytes belong to: those of another version are of no use.
    private const string PartSuffix = ".onnxstream-part";

    private const int BufferBytes = 256 << 10;

    /// <summary>Receives how many bytes have come, or a negative number where some are of no use.</summary>
    internal delegate void ByteCounter(long bytes);

    /// <summary>The file that bytes are collected in.</summary>
    public static string PartPath(DownloadFile file, string path)
    {
        string known = file.Hash ?? file.Version ?? "";
        return $"{path}.{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(known)))[..12]}{PartSuffix}";
    }

    /// <summary>How many bytes of a file an earlier call has left.</summary>
    public static long PartLength(DownloadFile file, string path) => new FileInfo(PartPath(file, path)) is { Exists: true } part ? part.Length : 0;

    /// <summary>Brings a file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">Its place. Its folder exists.</param>
    /// <param name="count">Is told of bytes that come. Those that were left by an earlier call are not told of.</param>
    /// <param name="cancellationToken">Stops; what has come stays.</param>
    /// <returns>The SHA-256 of the bytes where the file says none, else its hash.</returns>
    /// <exception cref="WeightsException">The server refuses or is lost, or its bytes are not what they should be.</exception>
    /// <exception cref="IOException">The disk is full, or cannot be written to.</exception>
    public async Task<string> FetchAsync(DownloadFile file, string path, ByteCounter count, CancellationToken cancellationToken)
    {
        string partPath = PartPath(file, path);
        DropOthers(path, partPath);
        string hash;
        using (FileStream part = Open(partPath))
        {
            // Nothing says whether bytes of before are still those of the file.
            if (file.Hash is null && file.Version is null)
            {
                count(-part.Length);
                part.SetLength(0);
            }

            FileHash sums = new(file);
            await sums.AddAsync(part, cancellationToken).ConfigureAwait(false);
            sums = await CollectAsync(file, part, sums, count, cancellationToken).ConfigureAwait(false);
            hash = sums.Finish();
            if (file.Hash is { } expected && expected != hash)
            {
                part.SetLength(0);
                part.Close();
                File.Delete(partPath);
                throw new WeightsException($"{HttpConnection.Name(file.Address)}: the bytes that came are not those of '{file.Name}': their hash is {hash}, and {expected} was expected. The file was changed on the server or on the way. What came was deleted; try again.");
            }

            Write(part, partPath, () => part.Flush(flushToDisk: true));
        }

        File.Move(partPath, path, overwrite: true);
        return hash;
    }

    private async Task<FileHash> CollectAsync(DownloadFile file, FileStream part, FileHash sums, ByteCounter count, CancellationToken cancellationToken)
    {
        string? version = file.Hash is null ? file.Version : null;
        int failures = 0;
        bool isWhole = part.Length == file.Length;
        while (!isWhole)
        {
            long before = part.Length;
            using HttpResponseMessage answer = await connection.SendAsync(file.Address, before > 0 ? new RangeHeaderValue(before, null) : null, cancellationToken).ConfigureAwait(false);
            if (answer.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && before > 0)
            {
                if (answer.Content.Headers.ContentRange?.Length == before && file.Length is null)
                {
                    break;
                }

                StartAgain();
                if (++failures > connection.Options.Retries)
                {
                    throw connection.Refusal(file.Address, answer);
                }

                continue;
            }

            if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.PartialContent))
            {
                throw connection.Refusal(file.Address, answer);
            }

            if (answer.StatusCode == HttpStatusCode.OK && before > 0)
            {
                // The server gives whole files only.
                StartAgain();
                before = 0;
            }

            long? length = CheckLength(file, answer, before);
            string? found = answer.Headers.ETag?.ToString() ?? answer.Content.Headers.LastModified?.UtcTicks.ToString(System.Globalization.CultureInfo.InvariantCulture);
            if (file.Hash is null && version is not null && found is not null && !version.EndsWith(found, StringComparison.Ordinal))
            {
                part.SetLength(0);
                throw new WeightsException($"{HttpConnection.Name(file.Address)}: the file has changed on the server since the download began (it was {version}, and is {found}). What came was deleted; try again.");
            }

            version ??= found;
            Exception? lost = await CopyAsync(answer, length).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            isWhole = length is null ? lost is null : part.Length == length;
            failures = part.Length > before ? 0 : failures + 1;
            if (!isWhole && failures > connection.Options.Retries)
            {
                string reason = lost is OperationCanceledException ? $"nothing came for {connection.Options.Patience.TotalSeconds:0.#} seconds" : lost?.Message ?? "the answer ended before the file did";
                throw new WeightsException($"{HttpConnection.Name(file.Address)}: the connection was lost at byte {part.Length:N0}, and again {failures} times: {reason} What has come is kept; the next call goes on from there.", lost);
            }

            if (failures > 0 && !isWhole)
            {
                await Task.Delay(connection.Options.RetryDelay * Math.Min(failures, 8), cancellationToken).ConfigureAwait(false);
            }
        }

        return sums;

        void StartAgain()
        {
            count(-part.Length);
            part.SetLength(0);
            sums = new FileHash(file);
        }

        // What the connection was lost by; null if the answer came to its end. Failures of the disk have the same types, and go up.
        async Task<Exception?> CopyAsync(HttpResponseMessage answer, long? length)
        {
            using CancellationTokenSource silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            byte[] buffer = new byte[BufferBytes];
            Stream? content = null;
            try
            {
                while (true)
                {
                    silence.CancelAfter(connection.Options.Patience);
                    int read;
                    try
                    {
                        content ??= await answer.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
                        read = await content.ReadAsync(buffer, silence.Token).ConfigureAwait(false);
                    }
                    catch (Exception exception) when (exception is IOException or HttpRequestException or OperationCanceledException)
                    {
                        return exception;
                    }

                    if (read == 0)
                    {
                        return null;
                    }

                    if (part.Length + read > length)
                    {
                        throw new WeightsException($"{HttpConnection.Name(file.Address)}: the server sends more than the {length:N0} bytes that the file has.");
                    }

                    Write(part, part.Name, () => part.Write(buffer, 0, read));
                    sums.Add(buffer.AsSpan(0, read));
                    count(read);
                }
            }
            finally
            {
                if (content is not null)
                {
                    await content.DisposeAsync().ConfigureAwait(false);
                }
            }
        }
    }

    // The length of the whole file, where the answer or the manifest says it.
    private static long? CheckLength(DownloadFile file, HttpResponseMessage answer, long offset)
    {
        long? length = answer.StatusCode == HttpStatusCode.OK ? answer.Content.Headers.ContentLength : answer.Content.Headers.ContentRange?.Length;
        if (answer.StatusCode == HttpStatusCode.PartialContent && answer.Content.Headers.ContentRange?.From != offset)
        {
            throw new WeightsException($"{HttpConnection.Name(file.Address)}: bytes from {offset:N0} on were asked for, and the server sends those from {answer.Content.Headers.ContentRange?.From?.ToString("N0", System.Globalization.CultureInfo.CurrentCulture) ?? "an unknown place"} on.");
        }

        return file.Length is { } expected && length is { } stated && expected != stated
            ? throw new WeightsException($"{HttpConnection.Name(file.Address)}: the server says that the file has {stated:N0} bytes, and {expected:N0} were expected: it is another version, or something else in its place.")
            : file.Length ?? length;
    }

    private static FileStream Open(string partPath)
    {
        try
        {
            FileStream part = new(partPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            return part;
        }
        catch (IOException exception) when (File.Exists(partPath))
        {
            throw new IOException($"{partPath}: another process is downloading the file, or it cannot be opened: {exception.Message}", exception);
        }
    }

    private static void Write(FileStream part, string path, Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{path}: the file cannot be written: {exception.Message.TrimEnd('.')}. What has come ({part.Length:N0} bytes) is kept; with room on the disk, the next call goes on from there.", exception);
        }
    }

    private static void DropOthers(string path, string partPath)
    {
        string folder = Path.GetDirectoryName(path)!;
        foreach (string other in Directory.EnumerateFiles(folder, $"{Path.GetFileName(path)}.*{PartSuffix}").Where(other => other != partPath))
        {
            try
            {
                File.Delete(other);
            }
            catch (IOException)
            {
                // Somebody else's, who is at it.
            }
        }
    }
}
