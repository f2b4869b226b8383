using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>The functions that a chat template finds: those of Jinja, and those that transformers adds.</summary>
internal static class TemplateFunctions
{
    private const long MostElements = 100_000;

    /// <summary>Adds them to a scope.</summary>
    public static void AddTo(TemplateScope scope, TimeProvider time)
    {
        scope.Set("range", (TemplateFunction)Range);
        scope.Set("namespace", (TemplateFunction)((arguments, named) => Fill(new TemplateMap { IsNamespace = true }, arguments, named)));
        scope.Set("dict", (TemplateFunction)((arguments, named) => Fill(new TemplateMap(), arguments, named)));
        scope.Set("raise_exception", (TemplateFunction)((arguments, _) => throw new ChatTemplateException(arguments.Count > 0 ? TemplateValues.Text(arguments[0]) : "The chat template refuses these messages.")));
        scope.Set("strftime_now", (TemplateFunction)((arguments, _) => Format(arguments.Count > 0 ? TemplateValues.Text(arguments[0]) : "", time.GetLocalNow())));
        scope.Set("joiner", (TemplateFunction)((arguments, _) => Joiner(arguments.Count > 0 ? TemplateValues.Text(arguments[0]) : ", ")));
    }

    private static TemplateFunction Joiner(string separator)
    {
        bool isUsed = false;
        return (_, _) =>
        {
            bool wasUsed = isUsed;
            isUsed = true;
            return wasUsed ? separator : "";
        };
    }

    private static TemplateMap Fill(TemplateMap map, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
    {
        foreach (KeyValuePair<string, object?> entry in arguments.OfType<TemplateMap>().SelectMany(source => source).Concat(named))
        {
            map[entry.Key] = entry.Value;
        }

        return map;
    }

    private static List<object?> Range(IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
    {
        long[] numbers = [.. arguments.Select(argument => TemplateValues.RequireInteger(argument, "'range'"))];
        (long start, long stop, long step) = numbers switch
        {
            [var end] => (0, end, 1),
            [var begin, var end] => (begin, end, 1),
            [var begin, var end, var stride] when stride != 0 => (begin, end, stride),
            _ => throw new ChatTemplateException("The chat template calls 'range' with other arguments than one to three numbers."),
        };
        List<object?> values = [];
        for (long i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            if (values.Count == MostElements)
            {
                throw new ChatTemplateException($"The chat template asks for a range of more than {MostElements:N0} numbers.");
            }

            values.Add(i);
        }

        return values;
    }

    // As strftime writes it in the C locale.
    private static string Format(string format, DateTimeOffset now)
    {
        StringBuilder result = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                result.Append(format[i]);
                continue;
            }

            bool isShort = format[++i] == '-' && i + 1 < format.Length;
            i += isShort ? 1 : 0;
            string text = format[i] switch
            {
                'Y' => Write("yyyy"),
                'y' => Write("yy"),
                'm' => Write("MM"),
                'd' => Write("dd"),
                'e' => now.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
                'B' => Write("MMMM"),
                'b' or 'h' => Write("MMM"),
                'A' => Write("dddd"),
                'a' => Write("ddd"),
                'H' => Write("HH"),
                'I' => Write("hh"),
                'M' => Write("mm"),
                'S' => Write("ss"),
                'p' => Write("tt"),
                'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
                'F' => Write("yyyy-MM-dd"),
                'T' => Write("HH:mm:ss"),
                'D' => Write("MM/dd/yy"),
                'z' => Write("zzz").Replace(":", "", StringComparison.Ordinal),
                '%' => "%",
                var other => $"%{other}",
            };
            result.Append(isShort ? text.TrimStart('0') is { Length: > 0 } trimmed ? trimmed : "0" : text);
        }

        return result.ToString();

        string Write(string part) => now.ToString(part, CultureInfo.InvariantCulture);
    }
}
