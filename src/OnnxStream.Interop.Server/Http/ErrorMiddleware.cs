using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Http;

/// <summary>The outermost: whatever goes wrong becomes an error in the API's own shape, without a word on the inside of the server.</summary>
internal sealed partial class ErrorMiddleware(RequestDelegate next, ILogger<ErrorMiddleware> logger)
{
    /// <summary>Answers a request.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The outermost frame of a request: whatever was thrown becomes an answer.")]
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (!context.Response.HasStarted && context.Response is { StatusCode: >= 400, ContentLength: null, ContentType: null })
            {
                await ErrorResponse.WriteAsync(context, OfStatus(context));
            }
        }
        catch (Exception exception)
        {
            if (context.RequestAborted.IsCancellationRequested)
            {
                LogGone(context.Request.Path.Value);
                return;
            }

            ApiException error = exception switch
            {
                ApiException own => own,
                JobRefusedException refusal => ErrorResponse.Of(refusal),
                BadHttpRequestException bad => OfRequest(bad),
                _ => new ApiException(StatusCodes.Status500InternalServerError, "internal_error", $"The server failed at this request in a way that it should not. Its log says more, at {context.TraceIdentifier}."),
            };
            if (error.Status == StatusCodes.Status500InternalServerError)
            {
                LogFailure(exception, context.Request.Path);
            }

            if (context.Response.HasStarted)
            {
                // There is no other way left to say that this is not all.
                context.Abort();
                return;
            }

            await ErrorResponse.WriteAsync(context, error);
        }
    }

    private static ApiException OfRequest(BadHttpRequestException bad) => bad.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => new ApiException(bad.StatusCode, "request_too_large", "The body of the request is larger than the server allows."),
        StatusCodes.Status408RequestTimeout => new ApiException(bad.StatusCode, "request_timeout", "The body of the request came too slowly."),
        _ => new ApiException(bad.StatusCode, "invalid_request", "The request is not as HTTP demands."),
    };

    private static ApiException OfStatus(HttpContext context) => context.Response.StatusCode switch
    {
        StatusCodes.Status404NotFound => new ApiException(StatusCodes.Status404NotFound, "unknown_url", $"There is nothing at {context.Request.Method} {context.Request.Path}. /openapi.json lists what there is."),
        StatusCodes.Status405MethodNotAllowed => new ApiException(StatusCodes.Status405MethodNotAllowed, "method_not_allowed", $"{context.Request.Path} cannot be asked for with {context.Request.Method}."),
        StatusCodes.Status415UnsupportedMediaType => new ApiException(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "The content type of the request is not one that is read here."),
        int status => new ApiException(status, "invalid_request", "The request cannot be answered."),
    };

    [LoggerMessage(Level = LogLevel.Error, Message = "The request for {Path} failed unexpectedly.")]
    private partial void LogFailure(Exception exception, string path);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The client of {Path} has gone.")]
    private partial void LogGone(string? path);
}
