using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OnnxStream.Interop.Server.Http;

namespace OnnxStream.Interop.Server.OpenAi;

/// <summary>Values that OpenAI's API takes in more than one shape.</summary>
internal static class RequestTexts
{
    /// <summary>A text, or a list of texts.</summary>
    /// <exception cref="ApiException">It is neither.</exception>
    public static IReadOnlyList<string> Read(JsonElement? value, string param)
    {
        switch (value?.ValueKind)
        {
            case null or JsonValueKind.Null or JsonValueKind.Undefined:
                return [];
            case JsonValueKind.String:
                return [value.Value.GetString()!];
            case JsonValueKind.Array when value.Value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String):
                return [.. value.Value.EnumerateArray().Select(item => item.GetString()!)];
            default:
                throw Wrong(param, $"\"{param}\" should be a text or a list of texts.");
        }
    }

    /// <summary>The content of a message: a text, or parts of which each is a text.</summary>
    /// <exception cref="ApiException">It is neither.</exception>
    public static string? ReadContent(JsonElement? value)
    {
        switch (value?.ValueKind)
        {
            case null or JsonValueKind.Null or JsonValueKind.Undefined:
                return null;
            case JsonValueKind.String:
                return value.Value.GetString();
            case JsonValueKind.Array:
                string text = "";
                foreach (JsonElement part in value.Value.EnumerateArray())
                {
                    text += part is { ValueKind: JsonValueKind.Object } && part.TryGetProperty("text", out JsonElement piece) && piece.ValueKind == JsonValueKind.String
                        ? piece.GetString()
                        : throw Wrong("messages", "The parts of a message should be texts; the language models of this server read nothing else.");
                }

                return text;
            default:
                throw Wrong("messages", "The content of a message should be a text, or a list of parts.");
        }
    }

    /// <summary>A refusal of a parameter.</summary>
    public static ApiException Wrong(string param, string message, string code = "invalid_request") => new(StatusCodes.Status400BadRequest, code, message, param);
}
