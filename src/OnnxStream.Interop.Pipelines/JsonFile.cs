using System.Text.Json;

namespace OnnxStream.Interop.Pipelines;

/// <summary>A JSON file of a model folder, read with errors that name the file and the property.</summary>
internal sealed class JsonFile
{
    private readonly JsonElement _root;

    private JsonFile(string path, JsonElement root)
    {
        FilePath = path;
        _root = root;
    }

    /// <summary>The file.</summary>
    public string FilePath { get; }

    /// <summary>The file, or null if there is none.</summary>
    public static JsonFile? ReadIfThere(string path, PipelineFiles files) => files.Exists(path) ? Read(path, files) : null;

    public static JsonFile Read(string path, PipelineFiles files)
    {
        try
        {
            using Stream stream = files.OpenRead(path);
            using JsonDocument document = JsonDocument.Parse(stream);
            ReadTexts(document.RootElement);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new JsonFile(path, document.RootElement.Clone())
                : throw new ModelFormatException(path, $"expected a JSON object, found {document.RootElement.ValueKind}.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(path, $"this is not JSON: {exception.Message}", exception);
        }
    }

    // The parser leaves texts as they are, and fails where one is first read that is not UTF-8, or has half of a surrogate pair.
    private static void ReadTexts(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in value.EnumerateObject())
                {
                    _ = property.Name;
                    ReadTexts(property.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (JsonElement element in value.EnumerateArray())
                {
                    ReadTexts(element);
                }

                break;
            case JsonValueKind.String:
                _ = value.GetString();
                break;
        }
    }

    /// <summary>The properties of the object itself.</summary>
    public JsonElement.ObjectEnumerator Properties => _root.EnumerateObject();

    /// <summary>The value below these property names, or null where there is none (or a JSON null).</summary>
    public JsonElement? Find(params ReadOnlySpan<string> names)
    {
        JsonElement value = _root;
        foreach (string name in names)
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(name, out value))
            {
                return null;
            }
        }

        return value.ValueKind == JsonValueKind.Null ? null : value;
    }

    public string? Text(params ReadOnlySpan<string> names) =>
        Find(names) is not { } value ? null :
        value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(names, "a string", value);

    public double? Number(params ReadOnlySpan<string> names) =>
        Find(names) is not { } value ? null :
        value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Wrong(names, "a number", value);

    /// <summary>A whole number; one that is too large for 63 bits counts as the largest.</summary>
    public long? Integer(params ReadOnlySpan<string> names)
    {
        if (Number(names) is not { } number)
        {
            return null;
        }

        return Math.Floor(number) == number ? (long)Math.Clamp(number, long.MinValue, long.MaxValue) : throw Wrong(names, "a whole number", Find(names)!.Value);
    }

    public int? PositiveInteger(params ReadOnlySpan<string> names) =>
        Integer(names) is not { } number ? null :
        number is > 0 and <= int.MaxValue ? (int)number : throw Wrong(names, "a positive whole number", Find(names)!.Value);

    public int? NonNegativeInteger(params ReadOnlySpan<string> names) =>
        Integer(names) is not { } number ? null :
        number is >= 0 and <= int.MaxValue ? (int)number : throw Wrong(names, "a whole number, not negative", Find(names)!.Value);

    public bool? Boolean(params ReadOnlySpan<string> names) =>
        Find(names) is not { } value ? null :
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(names, "true or false", value);

    private ModelFormatException Wrong(ReadOnlySpan<string> names, string expected, JsonElement found) =>
        new(FilePath, $"\"{string.Join('.', names)}\" should be {expected}, found {found.GetRawText()}.");
}
