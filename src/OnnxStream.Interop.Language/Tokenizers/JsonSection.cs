using System.Globalization;
using System.Text.Json;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>An object inside of <c>tokenizer.json</c>, read with errors that name the file and the property.</summary>
internal sealed class JsonSection(string file, string path, JsonElement element)
{
    /// <summary>What the <c>type</c> property says.</summary>
    public string Type => Text("type") ?? throw Error("\"type\" is missing");

    /// <summary>A text; null where there is none.</summary>
    public string? Text(string name) =>
        Find(name) is not { } value ? null : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, "a string", value);

    /// <summary>A truth value.</summary>
    public bool Flag(string name, bool otherwise) => Find(name) switch
    {
        null => otherwise,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } value => throw Wrong(name, "true or false", value),
    };

    /// <summary>A whole number.</summary>
    public int Number(string name, int otherwise) =>
        Find(name) is not { } value ? otherwise : value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : throw Wrong(name, "a whole number", value);

    /// <summary>An object; null where there is none.</summary>
    public JsonSection? Section(string name) =>
        Find(name) is not { } value ? null : value.ValueKind == JsonValueKind.Object ? new JsonSection(file, Join(name), value) : throw Wrong(name, "an object", value);

    /// <summary>A list of objects.</summary>
    public IReadOnlyList<JsonSection> Sections(string name)
    {
        JsonElement[] elements = [.. Elements(name)];
        return [.. elements.Select((value, i) => value.ValueKind == JsonValueKind.Object
            ? new JsonSection(file, $"{Join(name)}[{i.ToString(CultureInfo.InvariantCulture)}]", value)
            : throw Wrong(name, "a list of objects", value))];
    }

    /// <summary>The elements of a list.</summary>
    public IEnumerable<JsonElement> Elements(string name) =>
        Find(name) is not { } value ? [] : value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw Wrong(name, "a list", value);

    /// <summary>The value of a property; null where there is none, or a JSON null.</summary>
    public JsonElement? Find(string name) =>
        element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>The error of something that is not supported, or not what it should be.</summary>
    public ModelFormatException Error(string message) => new(file, $"{path}: {message}.");

    private string Join(string name) => path.Length == 0 ? name : $"{path}.{name}";

    private ModelFormatException Wrong(string name, string expected, JsonElement found)
    {
        string text = found.GetRawText();
        return new ModelFormatException(file, $"\"{Join(name)}\" should be {expected}, found {(text.Length > 80 ? string.Concat(text.AsSpan(0, 80), "…") : text)}.");
    }
}
