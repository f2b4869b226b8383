using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace OnnxStream.Interop.Language.Chat;

/// <summary>Finds calls of tools in an answer, in the form of Hermes and Qwen: <c>&lt;tool_call&gt;{"name": …, "arguments": …}&lt;/tool_call&gt;</c>.</summary>
/// <remarks>What may be the beginning of a call is held back until it is certain.</remarks>
internal sealed class ToolCallReader
{
    /// <summary>What a call begins with.</summary>
    public const string Begin = "<tool_call>";

    /// <summary>What it ends with.</summary>
    public const string End = "</tool_call>";

    private readonly StringBuilder _held = new();
    private int _count;

    /// <summary>Takes the next piece of an answer.</summary>
    /// <returns>Text, and calls.</returns>
    public IEnumerable<AIContent> Add(string text)
    {
        _held.Append(text);
        while (true)
        {
            string all = _held.ToString();
            int begin = all.IndexOf(Begin, StringComparison.Ordinal);
            if (begin < 0)
            {
                int held = HeldLength(all);
                if (all.Length > held)
                {
                    yield return new TextContent(all[..^held]);
                    _held.Remove(0, all.Length - held);
                }

                yield break;
            }

            if (begin > 0)
            {
                if (!string.IsNullOrWhiteSpace(all[..begin]))
                {
                    yield return new TextContent(all[..begin]);
                }

                _held.Remove(0, begin);
                continue;
            }

            int end = all.IndexOf(End, StringComparison.Ordinal);
            if (end < 0)
            {
                yield break;
            }

            _held.Remove(0, end + End.Length);
            yield return Read(all[Begin.Length..end]) ?? (AIContent)new TextContent(all[..(end + End.Length)]);
        }
    }

    /// <summary>What was held back, at the end of the answer.</summary>
    public IEnumerable<AIContent> Flush()
    {
        string all = _held.ToString();
        _held.Clear();
        return all.Length == 0 ? [] : [new TextContent(all)];
    }

    private static int HeldLength(string text)
    {
        for (int length = Math.Min(Begin.Length - 1, text.Length); length > 0; length--)
        {
            if (text.AsSpan(text.Length - length).SequenceEqual(Begin.AsSpan(0, length)))
            {
                return length;
            }
        }

        return 0;
    }

    private FunctionCallContent? Read(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("name", out JsonElement name) || name.ValueKind != JsonValueKind.String)
            {
                return null;
            }

            Dictionary<string, object?> arguments = [];
            if ((root.TryGetProperty("arguments", out JsonElement given) || root.TryGetProperty("parameters", out given)) && given.ValueKind == JsonValueKind.Object)
            {
                foreach (JsonProperty property in given.EnumerateObject())
                {
                    arguments[property.Name] = property.Value.Clone();
                }
            }

            return new FunctionCallContent($"call_{++_count}_{Guid.NewGuid():N}", name.GetString()!, arguments);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
