using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Errors in the shape that the clients of each API know: OpenAI's, and below <c>/sdapi</c> that of AUTOMATIC1111.</summary>
internal static class ErrorResponse
{
    private static readonly TimeSpan s_retryAfter = TimeSpan.FromSeconds(5);

    /// <summary>What a refusal of a job is over HTTP.</summary>
    public static ApiException Of(JobRefusedException refusal) => refusal.Reason switch
    {
        RefusalReason.Model => new ApiException(StatusCodes.Status404NotFound, refusal.Error.Code, refusal.Error.Message, refusal.Error.Param),
        RefusalReason.Owner => new ApiException(StatusCodes.Status429TooManyRequests, refusal.Error.Code, refusal.Error.Message) { RetryAfter = s_retryAfter },
        RefusalReason.Server or RefusalReason.Memory => new ApiException(StatusCodes.Status503ServiceUnavailable, refusal.Error.Code, refusal.Error.Message) { RetryAfter = refusal.Reason == RefusalReason.Server ? s_retryAfter : TimeSpan.FromMinutes(5) },
        _ => Of(refusal.Error),
    };

    /// <summary>What the error of a job that was taken is over HTTP.</summary>
    public static ApiException Of(JobError error) => new(
        error.Code switch
        {
            "model_not_found" => StatusCodes.Status404NotFound,
            "insufficient_memory" or "server_stopping" or "queue_unavailable" or "queue_refused" or "worker_lost" => StatusCodes.Status503ServiceUnavailable,
            "internal_error" or "model_error" or "job_poisoned" => StatusCodes.Status500InternalServerError,
            _ => StatusCodes.Status400BadRequest,
        },
        error.Code,
        error.Message,
        error.Param)
    {
        RetryAfter = error.Code is "insufficient_memory" or "server_stopping" or "queue_unavailable" or "queue_refused" or "worker_lost" ? s_retryAfter : null,
    };

    /// <summary>Answers with an error. Nothing may have been answered before.</summary>
    public static async Task WriteAsync(HttpContext context, ApiException error)
    {
        HttpResponse response = context.Response;
        response.Clear();
        response.StatusCode = error.Status;
        response.ContentType = "application/json";
        response.Headers.CacheControl = "no-store";
        if (error.RetryAfter is { } delay)
        {
            response.Headers.RetryAfter = Math.Ceiling(delay.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }

        if (error.Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }

        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(Body(context.Request.Path, error), context.RequestAborted);
        }
    }

    /// <summary>The error of a stream that has begun: the same JSON.</summary>
    public static byte[] Body(PathString path, ApiException error)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            if (path.StartsWithSegments("/sdapi", StringComparison.Ordinal))
            {
                writer.WriteString("error", Type(error.Status));
                writer.WriteString("detail", error.Message);
                writer.WriteString("body", "");
                writer.WriteString("errors", error.Message);
            }
            else
            {
                writer.WriteStartObject("error");
                writer.WriteString("message", error.Message);
                writer.WriteString("type", Type(error.Status));
                writer.WriteString("param", error.Param);
                writer.WriteString("code", error.Code);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    // The types that OpenAI's clients tell errors by.
    private static string Type(int status) => status switch
    {
        StatusCodes.Status401Unauthorized => "authentication_error",
        StatusCodes.Status403Forbidden => "permission_error",
        StatusCodes.Status404NotFound => "not_found_error",
        StatusCodes.Status429TooManyRequests => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };
}
