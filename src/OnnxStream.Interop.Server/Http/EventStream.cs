using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), each sent at once. One is sent after the other, by one caller.</summary>
internal sealed class EventStream
{
    private readonly HttpContext _context;

    private EventStream(HttpContext context) => _context = context;

    /// <summary>Begins to answer with events.</summary>
    public static async Task<EventStream> BeginAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";

        // Proxies are asked not to collect events.
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await context.Response.StartAsync(context.RequestAborted);
        return new EventStream(context);
    }

    /// <summary>Sends an event.</summary>
    /// <param name="data">Its data, of one line.</param>
    /// <param name="name">Its type; null for a message.</param>
    /// <param name="id">Its number, from which a client goes on that has lost its connection; null for none.</param>
    public Task SendAsync(ReadOnlySpan<byte> data, string? name = null, int? id = null)
    {
        ArrayBufferWriter<byte> buffer = new(data.Length + 64);
        if (id is { } number)
        {
            Encoding.UTF8.GetBytes($"id: {number}\n", buffer);
        }

        if (name is not null)
        {
            Encoding.UTF8.GetBytes($"event: {name}\n", buffer);
        }

        buffer.Write("data: "u8);
        buffer.Write(data);
        buffer.Write("\n\n"u8);
        return WriteAsync(buffer.WrittenMemory);
    }

    /// <summary>Sends a comment again and again while something is waited for: a client that has gone is found out, and proxies keep the connection.</summary>
    public async Task<T> WaitAsync<T>(Task<T> task)
    {
        while (await Task.WhenAny(task, Task.Delay(TimeSpan.FromSeconds(15), _context.RequestAborted)) != task)
        {
            _context.RequestAborted.ThrowIfCancellationRequested();
            await WriteAsync(": still there\n\n"u8.ToArray());
        }

        return await task;
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        await _context.Response.Body.WriteAsync(bytes, _context.RequestAborted);
        await _context.Response.Body.FlushAsync(_context.RequestAborted);
    }
}
