using System.Globalization;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>What may stand behind a line. https://jinja.palletsprojects.com/en/stable/templates/#list-of-builtin-filters</summary>
internal static class TemplateFilters
{
    /// <summary>A filter; null if there is none of that name.</summary>
    public static TemplateFilter? Find(string name) => name switch
    {
        "trim" => (value, call) => TemplateMethods.Strip(TemplateValues.Text(value), call.Text(0, "chars"), left: true, right: true),
        "upper" => (value, _) => TemplateValues.Text(value).ToUpperInvariant(),
        "lower" => (value, _) => TemplateValues.Text(value).ToLowerInvariant(),
        "title" => (value, _) => TemplateMethods.Title(TemplateValues.Text(value)),
        "capitalize" => (value, _) => TemplateValues.Text(value) is { Length: > 0 } text ? char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant() : "",
        "string" => (value, _) => TemplateValues.Text(value),
        "safe" => (value, _) => value,
        "escape" or "e" => (value, _) => Escape(TemplateValues.Text(value)),
        "length" or "count" => (value, _) => TemplateValues.Length(value),
        "wordcount" => (value, _) => (long)TemplateValues.Text(value).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length,
        "default" or "d" => (value, call) => value is Undefined || (call.Flag(1, "boolean", false) && !TemplateValues.IsTrue(value)) ? call.Get(0, "default_value", "") : value,
        "replace" => (value, call) => TemplateMethods.Replace(TemplateValues.Text(value), call.RequireText(0, "old"), call.RequireText(1, "new"), call.Integer(2, "count", -1)),
        "indent" => Indent,
        "tojson" => ToJson,
        "int" => (value, call) => ToInteger(value) ?? call.Get(0, "default", 0L),
        "float" => (value, call) => ToFloat(value) ?? call.Get(0, "default", 0.0),
        "abs" => (value, _) => TemplateValues.Compare(value, 0L) < 0 ? TemplateValues.Negate(value) : value,
        "round" => (value, call) => Math.Round(Convert.ToDouble(value, CultureInfo.InvariantCulture), (int)Math.Clamp(call.Integer(0, "precision", 0), 0, 15)),
        "first" => (value, _) => TemplateValues.Iterate(value).FirstOrDefault(new Undefined("first")),
        "last" => (value, _) => TemplateValues.Iterate(value).LastOrDefault(new Undefined("last")),
        "list" => (value, _) => new List<object?>(TemplateValues.Iterate(value)),
        "join" => (value, call) => string.Join(
            call.Text(0, "d") ?? "", TemplateValues.Iterate(value).Select(element => TemplateValues.Text(call.Get(1, "attribute") is { } attribute ? Path(element, attribute) : element))),
        "reverse" => (value, _) => value is string text ? string.Concat(text.EnumerateRunes().Reverse()) : new List<object?>(TemplateValues.Iterate(value).Reverse()),
        "sort" => Sort,
        "unique" => (value, call) => Unique(value, call),
        "min" => (value, _) => TemplateValues.Iterate(value).Aggregate((object?)new Undefined("min"), (best, element) => best is Undefined || TemplateValues.Compare(element, best) < 0 ? element : best),
        "max" => (value, _) => TemplateValues.Iterate(value).Aggregate((object?)new Undefined("max"), (best, element) => best is Undefined || TemplateValues.Compare(element, best) > 0 ? element : best),
        "sum" => (value, call) => TemplateValues.Iterate(value).Select(element => call.Get(0, "attribute") is { } attribute ? Path(element, attribute) : element).Aggregate(call.Get(1, "start", 0L), TemplateValues.Add),
        "items" => (value, _) => value is Undefined ? new List<object?>() : TemplateMethods.Find(value, "items")?.Invoke([], new Dictionary<string, object?>()) ?? throw new ChatTemplateException($"The chat template asks for the items of {TemplateValues.TypeName(value)}."),
        "dictsort" => (value, call) => DictSort(value, call),
        "map" => Map,
        "select" => (value, call) => Choose(value, call, 0, element => element, keeps: true),
        "reject" => (value, call) => Choose(value, call, 0, element => element, keeps: false),
        "selectattr" => (value, call) => Choose(value, call, 1, element => Path(element, call.Require(0, "attribute")), keeps: true),
        "rejectattr" => (value, call) => Choose(value, call, 1, element => Path(element, call.Require(0, "attribute")), keeps: false),
        "batch" => (value, call) => new List<object?>(TemplateValues.Iterate(value).Chunk((int)Math.Clamp(call.Integer(0, "linecount", 1), 1, int.MaxValue)).Select(part => (object?)new List<object?>(part))),
        _ => null,
    };

    // Attributes with points between them.
    private static object? Path(object? value, object? path) => path is string text
        ? text.Split('.').Aggregate(value, (current, name) => long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out long place) ? TemplateValues.Item(current, place) : TemplateValues.Item(current, name))
        : TemplateValues.Item(value, path);

    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal);

    private static string Indent(object? value, CallArguments call)
    {
        object? width = call.Get(0, "width", 4L);
        string space = width as string ?? new string(' ', (int)Math.Clamp(TemplateValues.RequireInteger(width, "'width' of 'indent'"), 0, 1000));
        bool isFirst = call.Flag(1, "first", false);
        bool isBlank = call.Flag(2, "blank", false);
        string[] lines = TemplateValues.Text(value).Split('\n');
        return string.Join('\n', lines.Select((line, i) => (i > 0 || isFirst) && (isBlank || line.Length > 0) ? space + line : line));
    }

    private static string ToJson(object? value, CallArguments call)
    {
        if (value is Undefined undefined)
        {
            throw new ChatTemplateException($"The chat template writes '{undefined.Name}' as JSON, which is undefined.");
        }

        // As transformers has it: ensure_ascii is off, whatever is said.
        List<object?>? separators = call.Get(2, "separators") as List<object?>;
        long? indent = call.Get(1, "indent") is long spaces ? Math.Clamp(spaces, 0, 100) : call.Count > 0 && call.Get(0, "") is long first ? Math.Clamp(first, 0, 100) : null;
        return TemplateJson.Write(
            value, (int?)indent, separators is [var item, _] ? TemplateValues.Text(item) : null, separators is [_, var key] ? TemplateValues.Text(key) : ": ", call.Flag(3, "sort_keys", false));
    }

    private static object? ToInteger(object? value) => value switch
    {
        long or bool => TemplateValues.AsInteger(value),
        double number => (long)number,
        string text when long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) => number,
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) => (long)number,
        _ => null,
    };

    private static object? ToFloat(object? value) => value switch
    {
        double => value,
        long or bool => (double)TemplateValues.AsInteger(value),
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) => number,
        _ => null,
    };

    private static List<object?> Sort(object? value, CallArguments call)
    {
        bool isReversed = call.Flag(0, "reverse", false);
        bool isExact = call.Flag(1, "case_sensitive", false);
        object? attribute = call.Get(2, "attribute");
        List<object?> sorted = [.. TemplateValues.Iterate(value).OrderBy(Key, Comparer<object?>.Create(TemplateValues.Compare))];
        if (isReversed)
        {
            // Equal ones keep their order.
            sorted = [.. TemplateValues.Iterate(value).OrderByDescending(Key, Comparer<object?>.Create(TemplateValues.Compare))];
        }

        return sorted;

        object? Key(object? element)
        {
            object? key = attribute is null ? element : Path(element, attribute);
            return key is string text && !isExact ? text.ToLowerInvariant() : key;
        }
    }

    private static List<object?> Unique(object? value, CallArguments call)
    {
        object? attribute = call.Get(1, "attribute");
        List<object?> seen = [];
        List<object?> unique = [];
        foreach (object? element in TemplateValues.Iterate(value))
        {
            object? key = attribute is null ? element : Path(element, attribute);
            key = key is string text && !call.Flag(0, "case_sensitive", false) ? text.ToLowerInvariant() : key;
            if (!seen.Exists(other => TemplateValues.AreEqual(other, key)))
            {
                seen.Add(key);
                unique.Add(element);
            }
        }

        return unique;
    }

    private static List<object?> DictSort(object? value, CallArguments call)
    {
        TemplateMap map = value as TemplateMap ?? throw new ChatTemplateException($"The chat template sorts the entries of {TemplateValues.TypeName(value)}.");
        bool isExact = call.Flag(0, "case_sensitive", false);
        bool byValue = call.Text(1, "by") == "value";
        IEnumerable<object?> sorted = map.OrderBy(pair => Key(byValue ? pair.Value : pair.Key), Comparer<object?>.Create(TemplateValues.Compare))
            .Select(pair => (object?)new TemplateTuple([pair.Key, pair.Value]));
        return [.. call.Flag(2, "reverse", false) ? sorted.Reverse() : sorted];

        object? Key(object? key) => key is string text && !isExact ? text.ToLowerInvariant() : key;
    }

    private static List<object?> Map(object? value, CallArguments call)
    {
        if (call.Get(int.MaxValue, "attribute") is { } attribute)
        {
            object? otherwise = call.Get(int.MaxValue, "default");
            return new List<object?>(TemplateValues.Iterate(value).Select(element => Path(element, attribute) is var found && found is Undefined && otherwise is not null ? otherwise : found));
        }

        string name = call.RequireText(0, "filter");
        TemplateFilter filter = Find(name) ?? throw new ChatTemplateException($"The chat template uses the filter '{name}', which is not known.");
        object?[] rest = [.. Enumerable.Range(1, Math.Max(0, call.Count - 1)).Select(i => call.Get(i, ""))];
        return new List<object?>(TemplateValues.Iterate(value).Select(element => filter(element, new CallArguments(name, rest, new Dictionary<string, object?>()))));
    }

    private static List<object?> Choose(object? value, CallArguments call, int place, Func<object?, object?> what, bool keeps)
    {
        string? name = call.Text(place, "");
        Func<object?, CallArguments, bool> test = name is null
            ? (tested, _) => TemplateValues.IsTrue(tested)
            : TemplateTests.Find(name is "==" ? "eq" : name is "!=" ? "ne" : name) ?? throw new ChatTemplateException($"The chat template uses the test '{name}', which is not known.");
        CallArguments rest = new(name ?? "select", [.. Enumerable.Range(place + 1, Math.Max(0, call.Count - place - 1)).Select(i => call.Get(i, ""))], new Dictionary<string, object?>());
        return [.. TemplateValues.Iterate(value).Where(element => test(what(element), rest) == keeps)];
    }
}
