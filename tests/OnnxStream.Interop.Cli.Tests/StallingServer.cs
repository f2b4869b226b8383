using System.Globalization;
using System.Net;

namespace OnnxStream.Interop.Cli.Tests;

/// <summary>A server of one file that answers some requests, ranges included, and lets all others wait for ever.</summary>
internal sealed class StallingServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly ManualResetEventSlim _stalled = new();
    private readonly byte[] _content;
    private int _answersLeft;

    /// <summary>Starts it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="answers">How many requests it answers.</param>
    public StallingServer(string path, int answers)
    {
        _content = File.ReadAllBytes(path);
        _answersLeft = answers;
        using (System.Net.Sockets.TcpListener free = new(IPAddress.Loopback, 0))
        {
            free.Start();
            Address = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture)}/";
        }

        _listener.Prefixes.Add(Address);
        _listener.Start();
        _ = Task.Run(Serve);
    }

    /// <summary>The address of the server.</summary>
    public string Address { get; }

    /// <summary>Whether a request waits.</summary>
    public bool HasStalled => _stalled.IsSet;

    /// <summary>Waits until a request waits.</summary>
    public bool WaitForStall() => _stalled.Wait(TimeSpan.FromSeconds(60));

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        _listener.Close();
        _stop.Dispose();
        _stalled.Dispose();
    }

    private async Task Serve()
    {
        try
        {
            while (true)
            {
                HttpListenerContext context = await _listener.GetContextAsync().ConfigureAwait(false);
                _ = Task.Run(() => Answer(context));
            }
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
        {
        }
    }

    private async Task Answer(HttpListenerContext context)
    {
        try
        {
            if (Interlocked.Decrement(ref _answersLeft) < 0)
            {
                _stalled.Set();
                await Task.Delay(Timeout.Infinite, _stop.Token).ConfigureAwait(false);
            }

            (int start, int end) = (0, _content.Length - 1);
            HttpListenerResponse response = context.Response;
            if (context.Request.Headers["Range"] is { } range)
            {
                string[] ends = range["bytes=".Length..].Split('-');
                start = int.Parse(ends[0], CultureInfo.InvariantCulture);
                end = ends[1].Length > 0 ? Math.Min(end, int.Parse(ends[1], CultureInfo.InvariantCulture)) : end;
                response.StatusCode = (int)HttpStatusCode.PartialContent;
                response.Headers["Content-Range"] = string.Create(CultureInfo.InvariantCulture, $"bytes {start}-{end}/{_content.Length}");
            }

            response.Headers["Accept-Ranges"] = "bytes";
            response.Headers["ETag"] = "\"1\"";
            response.ContentLength64 = end - start + 1;
            if (context.Request.HttpMethod != "HEAD")
            {
                await response.OutputStream.WriteAsync(_content.AsMemory(start, end - start + 1), _stop.Token).ConfigureAwait(false);
            }

            response.Close();
        }
        catch (Exception exception) when (exception is OperationCanceledException or HttpListenerException or ObjectDisposedException or IOException)
        {
        }
    }
}
