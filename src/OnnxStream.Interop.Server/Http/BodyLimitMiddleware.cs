using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Refuses bodies that are larger than allowed before anything answers, and says where a connection ends with its answer.</summary>
/// <remarks>
/// Kestrel finds out that a body is too large when it is read, and reads what an endpoint has left only after the answer. It closes the connection then,
/// and a client that has sent its next request on it gets no answer at all. HTTP/2 ends the stream alone.
/// </remarks>
internal sealed class BodyLimitMiddleware(RequestDelegate next)
{
    /// <summary>Answers a request.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        bool isTooLarge = request.ContentLength > context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize;

        // What comes in chunks may go on for longer than is read after the answer.
        bool isEndless = request.ContentLength is null && context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true };
        if ((isTooLarge || isEndless) && HttpProtocol.IsHttp11(request.Protocol))
        {
            context.Response.OnStarting(CloseWhereItIsNotRead, context);
        }

        return isTooLarge
            ? throw new ApiException(StatusCodes.Status413PayloadTooLarge, "request_too_large", "The body of the request is larger than the server allows.")
            : next(context);
    }

    private static Task CloseWhereItIsNotRead(object state)
    {
        HttpContext context = (HttpContext)state;
        if (!context.IsBodyRead())
        {
            context.Response.Headers.Connection = "close";
        }

        return Task.CompletedTask;
    }
}
