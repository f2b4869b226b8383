using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace OnnxStream.Interop.Server.Http;

/// <summary>JSON in, JSON out.</summary>
internal static class JsonBody
{
    /// <summary>Reads the body of a request.</summary>
    /// <exception cref="ApiException">It is not JSON, or not of this shape.</exception>
    public static async Task<T> ReadAsync<T>(HttpContext context, JsonTypeInfo<T> type)
        where T : class
    {
        if (!context.Request.HasJsonContentType())
        {
            throw new ApiException(StatusCodes.Status415UnsupportedMediaType, "unsupported_media_type", "The body should be JSON, and the content type application/json.");
        }

        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, type, context.RequestAborted) ??
                throw new ApiException(StatusCodes.Status400BadRequest, "invalid_json", "The body is null; a JSON object is expected.");
        }
        catch (JsonException exception)
        {
            string place = exception.Path is { Length: > 0 and < 200 } path ? path : "$";
            throw new ApiException(StatusCodes.Status400BadRequest, "invalid_json", Describe(exception, place), place == "$" ? null : place.TrimStart('$', '.'));
        }
    }

    /// <summary>Answers with JSON.</summary>
    public static async Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.Headers.CacheControl = "no-store";
        await JsonSerializer.SerializeAsync(context.Response.Body, value, type, context.RequestAborted);
    }

    // What .NET says names its own types.
    private static string Describe(JsonException exception, string place)
    {
        string message = exception.Message;
        string where = exception.LineNumber is { } line ? $" (line {line + 1}, byte {exception.BytePositionInLine + 1})" : "";
        int missing = message.IndexOf("was missing required properties", StringComparison.Ordinal);
        if (missing >= 0)
        {
            int names = message.IndexOf(':', missing);
            return $"Something that is needed is missing at {place}{(names > 0 ? message[names..].TrimEnd('.') : "")}.";
        }

        if (message.Contains("could not be mapped to any .NET member", StringComparison.Ordinal))
        {
            return $"There is a property at {place} that is not known: {Quoted(message)}.";
        }

        if (message.Contains("could not be converted to", StringComparison.Ordinal) || message.Contains("doesn't allow null", StringComparison.Ordinal) || message.Contains("does not allow null", StringComparison.Ordinal))
        {
            return $"The value at {place} is not of the type that it should be{where}.";
        }

        return message.Contains("Duplicate property", StringComparison.OrdinalIgnoreCase) ? $"A property at {place} is given twice{where}." : $"The body is not JSON that can be read, at {place}{where}.";
    }

    private static string Quoted(string message)
    {
        int begin = message.IndexOf('\'', StringComparison.Ordinal), end = begin < 0 ? -1 : message.IndexOf('\'', begin + 1);
        return end > begin ? message[begin..(end + 1)] : "";
    }
}
