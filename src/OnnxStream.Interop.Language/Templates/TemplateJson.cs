using System.Globalization;
using System.Text;
using System.Text.Json;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>JSON as Python's <c>json.dumps</c> writes it, with all characters as they are; and values of templates from JSON.</summary>
internal static class TemplateJson
{
    /// <summary>Writes a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="indent">The spaces of each level; null for one line.</param>
    /// <param name="itemSeparator">What is between elements.</param>
    /// <param name="keySeparator">What is behind a key.</param>
    /// <param name="sortKeys">Whether keys are in order.</param>
    public static string Write(object? value, int? indent, string? itemSeparator, string keySeparator, bool sortKeys)
    {
        StringBuilder output = new();
        Write(output, value, indent, itemSeparator ?? (indent is null ? ", " : ","), keySeparator, sortKeys, 0);
        return output.ToString();
    }

    /// <summary>A value of JSON as templates have it.</summary>
    public static object? Read(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => ReadObject(element),
        JsonValueKind.Array => new List<object?>(element.EnumerateArray().Select(Read)),
        JsonValueKind.String => element.GetString(),
        JsonValueKind.Number => element.TryGetInt64(out long whole) && !element.GetRawText().AsSpan().ContainsAny(".eE") ? (object)whole : element.GetDouble(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };

    private static TemplateMap ReadObject(JsonElement element)
    {
        TemplateMap map = new();
        foreach (JsonProperty property in element.EnumerateObject())
        {
            map[property.Name] = Read(property.Value);
        }

        return map;
    }

    private static void Write(StringBuilder output, object? value, int? indent, string itemSeparator, string keySeparator, bool sortKeys, int depth)
    {
        switch (value)
        {
            case null:
                output.Append("null");
                break;
            case bool truth:
                output.Append(truth ? "true" : "false");
                break;
            case long number:
                output.Append(number.ToString(CultureInfo.InvariantCulture));
                break;
            case double number:
                output.Append(double.IsNaN(number) ? "NaN" : double.IsPositiveInfinity(number) ? "Infinity" : double.IsNegativeInfinity(number) ? "-Infinity" : TemplateValues.Text(number));
                break;
            case string text:
                WriteText(output, text);
                break;
            case TemplateMap map:
                IEnumerable<KeyValuePair<string, object?>> pairs = sortKeys ? map.OrderBy(pair => pair.Key, StringComparer.Ordinal) : map;
                WriteAll('{', '}', [.. pairs.Select(pair => (Action)(() =>
                {
                    WriteText(output, pair.Key);
                    output.Append(keySeparator);
                    Write(output, pair.Value, indent, itemSeparator, keySeparator, sortKeys, depth + 1);
                }))]);
                break;
            case List<object?> list:
                WriteAll('[', ']', [.. list.Select(element => (Action)(() => Write(output, element, indent, itemSeparator, keySeparator, sortKeys, depth + 1)))]);
                break;
            default:
                throw new ChatTemplateException($"The chat template writes {TemplateValues.TypeName(value)} as JSON.");
        }

        void WriteAll(char open, char close, Action[] parts)
        {
            output.Append(open);
            for (int i = 0; i < parts.Length; i++)
            {
                output.Append(i > 0 ? itemSeparator : "");
                NewLine(depth + 1);
                parts[i]();
            }

            if (parts.Length > 0)
            {
                NewLine(depth);
            }

            output.Append(close);
        }

        void NewLine(int level)
        {
            if (indent is { } spaces)
            {
                output.Append('\n').Append(' ', spaces * level);
            }
        }
    }

    private static void WriteText(StringBuilder output, string text)
    {
        output.Append('"');
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' => output.Append("\\\""),
                '\\' => output.Append("\\\\"),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                '\f' => output.Append("\\f"),
                '\b' => output.Append("\\b"),
                < ' ' => output.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture)),
                _ => output.Append(c),
            };
        }

        output.Append('"');
    }
}
