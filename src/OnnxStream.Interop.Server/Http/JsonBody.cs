using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
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

        using MemoryStream bytes = new((int)Math.Clamp(context.Request.ContentLength ?? 0, 0, 1 << 20));
        await context.Request.Body.CopyToAsync(bytes, context.RequestAborted);
        context.SetBodyRead();
        ReadOnlyMemory<byte> body = bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
        CheckTexts(body.Span);
        try
        {
            return JsonSerializer.Deserialize(body.Span, type) ??
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

    // What is kept as JSON for later (schemas, settings) is read as texts where nobody looks for such an error any more.
    private static void CheckTexts(ReadOnlySpan<byte> body)
    {
        bool isText = Utf8.IsValid(body);
        if (isText && body.Contains((byte)'\\'))
        {
            Utf8JsonReader reader = new(body, new JsonReaderOptions { MaxDepth = 64 });
            try
            {
                while (reader.Read())
                {
                    if (reader is { ValueIsEscaped: true, TokenType: JsonTokenType.String or JsonTokenType.PropertyName })
                    {
                        _ = reader.GetString();
                    }
                }
            }
            catch (InvalidOperationException)
            {
                isText = false;
            }
            catch (JsonException)
            {
                // Whoever reads it for good will say where.
            }
        }

        if (!isText)
        {
            throw new ApiException(StatusCodes.Status400BadRequest, "invalid_json", "The body has a text that is not UTF-8, or half of a surrogate pair.");
        }
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
