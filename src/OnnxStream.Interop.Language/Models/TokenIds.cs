using System.Text.Json;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Language.Models;

/// <summary>Ids of tokens in JSON: one number, or a list of them.</summary>
internal static class TokenIds
{
    /// <summary>The ids below these property names; none where there is nothing.</summary>
    /// <exception cref="ModelFormatException">They are something else.</exception>
    public static IReadOnlyList<int> Read(JsonFile file, params string[] names)
    {
        if (file.Find(names) is not { } value)
        {
            return [];
        }

        JsonElement[] elements = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : [value];
        return Array.TrueForAll(elements, element => element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int id) && id >= 0)
            ? [.. elements.Select(element => element.GetInt32())]
            : throw new ModelFormatException(file.FilePath, $"\"{string.Join('.', names)}\" should be the id of a token or a list of ids, found {value.GetRawText()}.");
    }
}
