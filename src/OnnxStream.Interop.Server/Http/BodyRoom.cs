using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace OnnxStream.Interop.Server.Http;

/// <summary>How many bytes of bodies there may be at once: each may be large, and there may be hundreds of connections.</summary>
internal sealed class BodyRoom(RequestDelegate next, ModelServerOptions options)
{
    private long _taken;

    /// <summary>Answers a request whose body fits beside those of others.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        // A body of unknown length may have as much as is allowed.
        long bytes = context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == false ? 0 : Math.Min(context.Request.ContentLength ?? options.MostBodyBytes, options.MostBodyBytes);
        if (Interlocked.Add(ref _taken, bytes) > options.MostBodyBytesTogether)
        {
            Interlocked.Add(ref _taken, -bytes);
            throw new ApiException(StatusCodes.Status503ServiceUnavailable, "server_busy", "The server is reading as many bodies of requests as it has room for. Try again later.") { RetryAfter = TimeSpan.FromSeconds(5) };
        }

        try
        {
            await next(context);
        }
        finally
        {
            Interlocked.Add(ref _taken, -bytes);
        }
    }
}
