using System.Buffers;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>The methods of Python's texts and dictionaries. Lists have none that a template may call: those change them.</summary>
internal static class TemplateMethods
{
    private static readonly SearchValues<char> s_space = SearchValues.Create(" \t\n\r\f\v");

    /// <summary>The method of a value; null if it has none of that name.</summary>
    public static TemplateFunction? Find(object? value, string name) => value switch
    {
        string text => FindOfText(text, name),
        TemplateMap map => FindOfMap(map, name),
        List<object?> list => FindOfList(list, name),
        _ => null,
    };

    private static TemplateFunction? FindOfText(string text, string name)
    {
        Func<CallArguments, object?>? method = name switch
        {
            "strip" => call => Strip(text, call.Text(0, "chars"), left: true, right: true),
            "lstrip" => call => Strip(text, call.Text(0, "chars"), left: true, right: false),
            "rstrip" => call => Strip(text, call.Text(0, "chars"), left: false, right: true),
            "split" => call => Split(text, call.Text(0, "sep"), call.Integer(1, "maxsplit", -1), fromRight: false),
            "rsplit" => call => Split(text, call.Text(0, "sep"), call.Integer(1, "maxsplit", -1), fromRight: true),
            "splitlines" => _ => new List<object?>((text.EndsWith('\n') ? text[..^1] : text).Length == 0 && text.Length < 2 ? text.Length == 0 ? [] : [""] : (text.EndsWith('\n') ? text[..^1] : text).Split('\n')),
            "startswith" => call => Affixes(call).Any(affix => text.StartsWith(affix, StringComparison.Ordinal)),
            "endswith" => call => Affixes(call).Any(affix => text.EndsWith(affix, StringComparison.Ordinal)),
            "removeprefix" => call => call.RequireText(0, "prefix") is { Length: > 0 } prefix && text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text,
            "removesuffix" => call => call.RequireText(0, "suffix") is { Length: > 0 } suffix && text.EndsWith(suffix, StringComparison.Ordinal) ? text[..^suffix.Length] : text,
            "replace" => call => Replace(text, call.RequireText(0, "old"), call.RequireText(1, "new"), call.Integer(2, "count", -1)),
            "upper" => _ => text.ToUpperInvariant(),
            "lower" => _ => text.ToLowerInvariant(),
            "title" => _ => Title(text),
            "capitalize" => _ => text.Length == 0 ? "" : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant(),
            "find" => call => (long)text.IndexOf(call.RequireText(0, "sub"), StringComparison.Ordinal),
            "rfind" => call => (long)text.LastIndexOf(call.RequireText(0, "sub"), StringComparison.Ordinal),
            "count" => call => call.RequireText(0, "sub") is { Length: > 0 } part ? (long)text.Split(part).Length - 1 : text.Length + 1L,
            "join" => call => string.Join(text, TemplateValues.Iterate(call.Require(0, "iterable")).Select(TemplateValues.Text)),
            "isdigit" => _ => text.Length > 0 && text.All(char.IsDigit),
            "isalpha" => _ => text.Length > 0 && text.All(char.IsLetter),
            "isalnum" => _ => text.Length > 0 && text.All(char.IsLetterOrDigit),
            "isspace" => _ => text.Length > 0 && text.All(char.IsWhiteSpace),
            "isupper" => _ => text.Any(char.IsUpper) && !text.Any(char.IsLower),
            "islower" => _ => text.Any(char.IsLower) && !text.Any(char.IsUpper),
            _ => null,
        };
        return method is null ? null : (arguments, named) => method(new CallArguments(name, arguments, named));
    }

    private static TemplateFunction? FindOfMap(TemplateMap map, string name) => name switch
    {
        "items" => (_, _) => new List<object?>(map.Select(pair => (object?)new TemplateTuple([pair.Key, pair.Value]))),
        "keys" => (_, _) => new List<object?>(map.Keys),
        "values" => (_, _) => new List<object?>(map.Values),
        "get" => (arguments, named) =>
        {
            CallArguments call = new(name, arguments, named);
            return call.Require(0, "key") is string key && map.TryGetValue(key, out object? value) ? value : call.Get(1, "default");
        },
        _ => null,
    };

    private static TemplateFunction? FindOfList(List<object?> list, string name) => name switch
    {
        "index" => (arguments, named) => list.FindIndex(element => TemplateValues.AreEqual(element, new CallArguments(name, arguments, named).Require(0, "value"))) is >= 0 and var place
            ? (long)place
            : throw new ChatTemplateException("The chat template looks for something that a list does not have."),
        "count" => (arguments, named) => (long)list.Count(element => TemplateValues.AreEqual(element, new CallArguments(name, arguments, named).Require(0, "value"))),
        "append" or "extend" or "insert" or "pop" or "remove" or "clear" or "sort" or "reverse" => (_, _) =>
            throw new ChatTemplateException($"The chat template changes a list with '{name}'; templates may only make new ones."),
        _ => null,
    };

    /// <summary>The text without characters at its ends: white space unless they are named.</summary>
    public static string Strip(string text, string? characters, bool left, bool right)
    {
        char[]? set = characters?.ToCharArray();
        text = !left ? text : set is null ? text.TrimStart() : set.Length == 0 ? text : text.TrimStart(set);
        return !right ? text : set is null ? text.TrimEnd() : set.Length == 0 ? text : text.TrimEnd(set);
    }

    /// <summary>The text with a capital letter for each word.</summary>
    public static string Title(string text)
    {
        bool isInside = false;
        return string.Concat(text.Select(c =>
        {
            char cased = isInside ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c);
            isInside = char.IsLetter(c);
            return cased;
        }));
    }

    /// <summary>The text with another one in place of a part, a number of times or everywhere.</summary>
    public static string Replace(string text, string old, string with, long count)
    {
        if (count < 0 && old.Length > 0)
        {
            return text.Replace(old, with, StringComparison.Ordinal);
        }

        if (old.Length == 0)
        {
            throw new ChatTemplateException("The chat template replaces an empty text.");
        }

        string[] parts = text.Split(old, (int)Math.Min(Math.Max(0, count), int.MaxValue - 1) + 1);
        return string.Join(with, parts);
    }

    private static List<object?> Split(string text, string? separator, long most, bool fromRight)
    {
        if (separator is { Length: 0 })
        {
            throw new ChatTemplateException("The chat template divides a text where an empty text is.");
        }

        if (separator is null)
        {
            string[] words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (most < 0 || words.Length <= most + 1)
            {
                return [.. words];
            }

            List<object?> some = [];
            string rest = fromRight ? text.TrimEnd() : text.TrimStart();
            for (long i = 0; i < most; i++)
            {
                int end = fromRight ? LastSpace(rest) : rest.AsSpan().IndexOfAny(s_space);
                some.Insert(fromRight ? 0 : some.Count, fromRight ? rest[(end + 1)..] : rest[..end]);
                rest = fromRight ? rest[..end].TrimEnd() : rest[end..].TrimStart();
            }

            some.Insert(fromRight ? 0 : some.Count, rest);
            return some;
        }

        if (most < 0 || !fromRight)
        {
            return [.. text.Split(separator, most < 0 ? int.MaxValue : (int)Math.Min(most, int.MaxValue - 1) + 1)];
        }

        List<object?> parts = [];
        for (int place = text.LastIndexOf(separator, StringComparison.Ordinal); parts.Count < most && place >= 0; place = text.LastIndexOf(separator, StringComparison.Ordinal))
        {
            parts.Insert(0, text[(place + separator.Length)..]);
            text = text[..place];
        }

        parts.Insert(0, text);
        return parts;
    }

    private static int LastSpace(string text) => text.AsSpan().LastIndexOfAny(s_space);

    private static string[] Affixes(CallArguments call) => call.Require(0, "prefix") switch
    {
        string text => [text],
        List<object?> list => [.. list.Select(TemplateValues.Text)],
        var value => throw new ChatTemplateException($"The chat template asks whether a text begins or ends with {TemplateValues.TypeName(value)}."),
    };
}
