using System.Net;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Http;

/// <summary>A file on an HTTP server, read by ranges.</summary>
/// <remarks>
/// Its version is what the server says of the file when it is opened: the ETag, or the time of the last change, with the length. Each answer must say the same.
/// Small reads, such as a model's graph and its biases, take blocks that are kept (<see cref="BlockCache"/>); large ones are asked for in parts, several at once,
/// and go on where a connection was lost.
/// </remarks>
internal sealed class HttpSource : WeightSource
{
    // Parts of a large read: long enough that asking costs little, short enough that several are under way.
    private const int PartBytes = 512 << 10;

    private readonly HttpConnection _connection;
    private readonly BlockCache _blocks;

    private HttpSource(Uri address, HttpConnection connection, long length, string version)
        : base(HttpConnection.Name(address))
    {
        Address = address;
        _connection = connection;
        Length = length;
        Version = version;
        _blocks = new BlockCache(length, Fetch);
    }

    /// <summary>Where it is.</summary>
    public Uri Address { get; }

    /// <inheritdoc/>
    public override long Length { get; }

    /// <inheritdoc/>
    public override string Version { get; }

    /// <summary>Asks a server for a file.</summary>
    /// <param name="address">The file.</param>
    /// <param name="connection">The server.</param>
    /// <returns>Null if there is none.</returns>
    /// <exception cref="WeightsException">The server cannot be reached, refuses, or gives no parts of files.</exception>
    public static HttpSource? TryOpen(Uri address, HttpConnection connection)
    {
        using HttpResponseMessage answer = connection.SendAsync(address, 0, 1).GetAwaiter().GetResult();
        switch (answer.StatusCode)
        {
            case HttpStatusCode.NotFound or HttpStatusCode.Gone:
                return null;
            case HttpStatusCode.PartialContent when answer.Content.Headers.ContentRange is { Length: { } length, From: 0 }:
                return new HttpSource(address, connection, length, VersionOf(answer, length));
            case HttpStatusCode.RequestedRangeNotSatisfiable when answer.Content.Headers.ContentRange is { Length: 0 }:
                return new HttpSource(address, connection, 0, VersionOf(answer, 0));
            case HttpStatusCode.OK when answer.Content.Headers.ContentLength == 0:
                return new HttpSource(address, connection, 0, VersionOf(answer, 0));
            default:
                throw connection.Refusal(address, answer);
        }
    }

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        if (destination.Length == 0)
        {
            return;
        }

        if (offset < 0 || offset > Length - destination.Length)
        {
            throw new EndOfStreamException($"the file has {Length:N0} bytes, and those from {offset:N0} to {offset + destination.Length:N0} are wanted");
        }

        if (destination.Length < BlockCache.BlockBytes)
        {
            _blocks.Read(offset, destination);
        }
        else
        {
            Fetch(offset, destination);
        }
    }

    private unsafe void Fetch(long offset, Span<byte> destination)
    {
        fixed (byte* start = destination)
        {
            nint address = (nint)start;
            int length = destination.Length;
            int parts = Math.Clamp(length / PartBytes, 1, _connection.Options.Connections);
            if (parts == 1)
            {
                FetchPartAsync(offset, address, length).GetAwaiter().GetResult();
                return;
            }

            int each = (length + parts - 1) / parts;
            Task.WhenAll(Enumerable.Range(0, parts).Select(part => FetchPartAsync(offset + (long)part * each, address + part * each, Math.Min(each, length - part * each)))).GetAwaiter().GetResult();
        }
    }

    // Goes on behind what has come, as long as each answer brings something.
    private async Task FetchPartAsync(long offset, nint destination, int length)
    {
        int done = 0;
        int failures = 0;
        Exception? last = null;
        while (done < length)
        {
            using HttpResponseMessage answer = await _connection.SendAsync(Address, offset + done, length - done).ConfigureAwait(false);
            Check(answer, offset + done);
            int before = done;
            try
            {
                using Stream content = await answer.Content.ReadAsStreamAsync().ConfigureAwait(false);
                done += await CopyAsync(content, destination + done, length - done).ConfigureAwait(false);
            }
            catch (Exception exception) when (exception is IOException or HttpRequestException or OperationCanceledException)
            {
                done = Math.Max(done, before + CopiedBeforeFailure(exception));
                last = exception;
            }

            failures = done > before ? 0 : failures + 1;
            if (done < length && failures > _connection.Options.Retries)
            {
                string reason = last is OperationCanceledException or null ? $"nothing came for {_connection.Options.Patience.TotalSeconds:0.#} seconds" : last.Message;
                throw new WeightsException($"{Id}: the connection to {Address.Host} was lost at byte {offset + done:N0}, and again {failures} times: {reason}", last);
            }

            if (done == before && failures > 0)
            {
                await Task.Delay(_connection.Options.RetryDelay * Math.Min(failures, 8)).ConfigureAwait(false);
            }
        }
    }

    private async Task<int> CopyAsync(Stream content, nint destination, int length)
    {
        using CancellationTokenSource silence = new();
        byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(Math.Min(length, 64 << 10));
        int done = 0;
        try
        {
            while (done < length)
            {
                silence.CancelAfter(_connection.Options.Patience);
                int count = await content.ReadAsync(buffer.AsMemory(0, Math.Min(buffer.Length, length - done)), silence.Token).ConfigureAwait(false);
                if (count == 0)
                {
                    break;
                }

                Marshal.Copy(buffer, 0, destination + done, count);
                done += count;
            }
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or OperationCanceledException)
        {
            exception.Data[CopiedKey] = done;
            throw;
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }

        return done;
    }

    private const string CopiedKey = "OnnxStream.Copied";

    private static int CopiedBeforeFailure(Exception exception) => exception.Data[CopiedKey] is int copied ? copied : 0;

    private void Check(HttpResponseMessage answer, long offset)
    {
        if (answer.StatusCode != HttpStatusCode.PartialContent)
        {
            throw _connection.Refusal(Address, answer);
        }

        System.Net.Http.Headers.ContentRangeHeaderValue? range = answer.Content.Headers.ContentRange;
        if (range?.From != offset)
        {
            throw new WeightsException($"{Id}: bytes from {offset:N0} on were asked for, and the server {Address.Host} sends those from {range?.From?.ToString("N0", System.Globalization.CultureInfo.CurrentCulture) ?? "an unknown place"} on.");
        }

        if (VersionOf(answer, range.Length ?? Length) is var version && version != Version)
        {
            throw new WeightsException($"{Id}: the file has changed on the server since the model was opened (it was {Version}, and is {version}). Open the model again.");
        }
    }

    private static string VersionOf(HttpResponseMessage answer, long length) =>
        $"{length}@{answer.Headers.ETag?.ToString() ?? answer.Content.Headers.LastModified?.UtcTicks.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "unknown"}";
}
