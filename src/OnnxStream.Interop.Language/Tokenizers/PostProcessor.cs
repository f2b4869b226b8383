using System.Text.Json;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>The special tokens that a text gets before and behind it.</summary>
/// <param name="Before">Ids before the text.</param>
/// <param name="After">Ids behind it.</param>
internal sealed record PostProcessor(IReadOnlyList<int> Before, IReadOnlyList<int> After)
{
    /// <summary>None.</summary>
    public static PostProcessor None { get; } = new([], []);

    /// <summary>Reads a post-processor of <c>tokenizer.json</c>; only what it does to a single text matters.</summary>
    /// <exception cref="ModelFormatException">It is not supported, or not what it should be.</exception>
    public static PostProcessor Read(JsonSection section)
    {
        switch (section.Type)
        {
            case "ByteLevel":
                return None;
            case "Sequence":
                return section.Sections("processors").Select(Read).Aggregate(None, (all, next) => new PostProcessor([.. next.Before, .. all.Before], [.. all.After, .. next.After]));
            case "TemplateProcessing":
                return ReadTemplate(section);
            case "BertProcessing" or "RobertaProcessing":
                return new PostProcessor([Id(section, "cls")], [Id(section, "sep")]);
            default:
                throw section.Error($"the post-processor '{section.Type}' is not supported");
        }
    }

    private static PostProcessor ReadTemplate(JsonSection section)
    {
        List<int> before = [];
        List<int> after = [];
        bool isBehind = false;
        JsonSection? tokens = section.Section("special_tokens");
        foreach (JsonSection part in section.Sections("single"))
        {
            if (part.Section("SpecialToken") is { } special)
            {
                string name = special.Text("id") ?? throw special.Error("\"id\" is missing");
                JsonSection token = tokens?.Section(name) ?? throw section.Error($"\"special_tokens\" lacks '{name}'");
                (isBehind ? after : before).AddRange(token.Elements("ids").Select(id => id.GetInt32()));
            }
            else
            {
                isBehind = true;
            }
        }

        return new PostProcessor(before, after);
    }

    private static int Id(JsonSection section, string name)
    {
        JsonElement[] pair = [.. section.Elements(name)];
        return pair.Length == 2 && pair[1].ValueKind == JsonValueKind.Number ? pair[1].GetInt32() : throw section.Error($"\"{name}\" should be a list of a token and its id");
    }
}
