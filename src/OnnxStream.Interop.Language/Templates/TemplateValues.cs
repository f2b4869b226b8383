using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>What Python does with values: truth, equality, order, arithmetic, attributes, text.</summary>
/// <remarks>Values are null, <see cref="Undefined"/>, <see cref="bool"/>, <see cref="long"/>, <see cref="double"/>, <see cref="string"/>, lists, <see cref="TemplateMap"/> and <see cref="TemplateFunction"/>.</remarks>
internal static class TemplateValues
{
    private const int MostRepeated = 1 << 24;

    /// <summary>Whether a value counts as true.</summary>
    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool truth => truth,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        TemplateMap map => map.IsNamespace || map.Count > 0,
        IList list => list.Count > 0,
        _ => true,
    };

    /// <summary>What it is called in errors.</summary>
    public static string TypeName(object? value) => value switch
    {
        null => "None",
        Undefined undefined => $"'{undefined.Name}', which is undefined",
        bool => "a truth value",
        long or double => "a number",
        string => "a text",
        TemplateMap => "a dictionary",
        IList => "a list",
        _ => "a function",
    };

    /// <summary>Whether two values are equal.</summary>
    public static bool AreEqual(object? left, object? right)
    {
        if (AsNumber(left) is { } a && AsNumber(right) is { } b)
        {
            return left is double || right is double ? a == b : AsInteger(left) == AsInteger(right);
        }

        return (left, right) switch
        {
            (null, null) or (Undefined, Undefined) => true,
            (string x, string y) => string.Equals(x, y, StringComparison.Ordinal),
            (TemplateMap x, TemplateMap y) => x.Count == y.Count && x.All(pair => y.TryGetValue(pair.Key, out object? other) && AreEqual(pair.Value, other)),
            (TemplateMap, _) or (_, TemplateMap) => false,
            (List<object?> x, List<object?> y) => x.GetType() == y.GetType() && x.Count == y.Count && Enumerable.Range(0, x.Count).All(i => AreEqual(x[i], y[i])),
            _ => ReferenceEquals(left, right),
        };
    }

    /// <summary>The order of two values.</summary>
    public static int Compare(object? left, object? right)
    {
        if (AsNumber(left) is { } a && AsNumber(right) is { } b)
        {
            return left is double || right is double ? a.CompareTo(b) : AsInteger(left).CompareTo(AsInteger(right));
        }

        switch (left, right)
        {
            case (string x, string y):
                return CompareCodePoints(x, y);
            case (List<object?> x, List<object?> y):
                for (int i = 0; i < Math.Min(x.Count, y.Count); i++)
                {
                    if (!AreEqual(x[i], y[i]))
                    {
                        return Compare(x[i], y[i]);
                    }
                }

                return x.Count.CompareTo(y.Count);
            default:
                throw new ChatTemplateException($"The chat template compares {TypeName(left)} with {TypeName(right)}.");
        }
    }

    /// <summary>Whether a value is in another one.</summary>
    public static bool Contains(object? container, object? value) => container switch
    {
        string text => value is string part ? text.Contains(part, StringComparison.Ordinal) : throw new ChatTemplateException($"The chat template looks for {TypeName(value)} in a text."),
        TemplateMap map => value is string key && map.ContainsKey(key),
        _ => Iterate(container).Any(element => AreEqual(element, value)),
    };

    /// <summary>The elements of a value.</summary>
    public static IEnumerable<object?> Iterate(object? value) => value switch
    {
        Undefined => [],
        string text => text.EnumerateRunes().Select(rune => (object?)rune.ToString()),
        TemplateMap map => map.Keys,
        List<object?> list => list,
        _ => throw new ChatTemplateException($"The chat template goes through {TypeName(value)}, which has no elements."),
    };

    /// <summary>How many elements a value has.</summary>
    public static long Length(object? value) => value switch
    {
        string text => text.EnumerateRunes().Count(),
        TemplateMap map => map.Count,
        List<object?> list => list.Count,
        Undefined => 0,
        _ => throw new ChatTemplateException($"The chat template asks for the length of {TypeName(value)}."),
    };

    /// <summary>An attribute, or an entry of a dictionary.</summary>
    public static object? Attribute(object? value, string name)
    {
        switch (value)
        {
            case TemplateMap map:
                return map.TryGetValue(name, out object? entry) && (map.IsNamespace || TemplateMethods.Find(map, name) is null) ? entry : TemplateMethods.Find(map, name) ?? (map.TryGetValue(name, out entry) ? entry : new Undefined(name));
            case Undefined undefined:
                throw new ChatTemplateException($"The chat template asks for '{name}' of '{undefined.Name}', which is undefined.");
            default:
                return TemplateMethods.Find(value, name) ?? (object)new Undefined(name);
        }
    }

    /// <summary>An element, by key or place.</summary>
    public static object? Item(object? value, object? key)
    {
        switch (value)
        {
            case TemplateMap map when key is string name:
                return map.TryGetValue(name, out object? entry) ? entry : TemplateMethods.Find(map, name) ?? (object)new Undefined(name);
            case List<object?> list when key is long or bool:
                long place = AsInteger(key);
                place += place < 0 ? list.Count : 0;
                return place >= 0 && place < list.Count ? list[(int)place] : new Undefined($"[{place}]");
            case string text when key is long or bool:
                Rune[] runes = [.. text.EnumerateRunes()];
                long index = AsInteger(key);
                index += index < 0 ? runes.Length : 0;
                return index >= 0 && index < runes.Length ? runes[index].ToString() : new Undefined($"[{index}]");
            case Undefined undefined:
                throw new ChatTemplateException($"The chat template asks for an element of '{undefined.Name}', which is undefined.");
            default:
                return key is string attribute ? Attribute(value, attribute) : new Undefined(Text(key));
        }
    }

    /// <summary>A part of a list or text, from a place to another, every so many.</summary>
    public static object? Slice(object? value, object? start, object? stop, object? step)
    {
        long stride = step is null ? 1 : RequireInteger(step, "a step");
        if (stride == 0)
        {
            throw new ChatTemplateException("The chat template takes a part with a step of 0.");
        }

        List<object?> elements = value is string or List<object?> ? [.. Iterate(value)] : throw new ChatTemplateException($"The chat template takes a part of {TypeName(value)}.");
        int count = elements.Count;
        long first = start is null ? stride > 0 ? 0 : count - 1 : Clamp(RequireInteger(start, "a start"));
        long last = stop is null ? stride > 0 ? count : -1 : Clamp(RequireInteger(stop, "an end"));
        List<object?> part = [];
        for (long i = first; stride > 0 ? i < last : i > last; i += stride)
        {
            part.Add(elements[(int)i]);
        }

        return value is string ? string.Concat(part) : value is TemplateTuple ? new TemplateTuple(part) : part;

        long Clamp(long place)
        {
            place += place < 0 ? count : 0;
            return stride > 0 ? Math.Clamp(place, 0, count) : Math.Clamp(place, -1, count - 1);
        }
    }

    /// <summary>The sum of numbers, or texts or lists put together.</summary>
    public static object? Add(object? left, object? right) => (left, right) switch
    {
        (string x, string y) => x + y,
        (List<object?> x, List<object?> y) => new List<object?>([.. x, .. y]),
        _ => Arithmetic(left, right, "+", (a, b) => a + b, (a, b) => a + b),
    };

    /// <summary>A product, or a text or list repeated.</summary>
    public static object? Multiply(object? left, object? right)
    {
        if (left is long or bool && right is string or List<object?>)
        {
            return Multiply(right, left);
        }

        if (left is string or List<object?> && right is long or bool)
        {
            long times = Math.Max(0, AsInteger(right));
            if (times * Length(left) > MostRepeated)
            {
                throw new ChatTemplateException("The chat template repeats a text or a list too often.");
            }

            return left is string text
                ? new StringBuilder().Insert(0, text, (int)times).ToString()
                : new List<object?>([.. Enumerable.Repeat((List<object?>)left, (int)times).SelectMany(list => list)]);
        }

        return Arithmetic(left, right, "*", (a, b) => a * b, (a, b) => a * b);
    }

    /// <summary>What an operator of two numbers makes.</summary>
    public static object? Calculate(string sign, object? left, object? right) => sign switch
    {
        "-" => Arithmetic(left, right, sign, (a, b) => a - b, (a, b) => a - b),
        "/" => RequireNumber(right, sign) == 0 ? throw ByZero() : RequireNumber(left, sign) / RequireNumber(right, sign),
        "//" => Arithmetic(left, right, sign, (a, b) => b.IsZero ? throw ByZero() : Floor(a, b), (a, b) => b == 0 ? throw ByZero() : Math.Floor(a / b)),
        "%" when left is string => throw new ChatTemplateException("The chat template formats a text with '%', which is not supported."),
        "%" => Arithmetic(left, right, sign, (a, b) => b.IsZero ? throw ByZero() : a - b * Floor(a, b), (a, b) => b == 0 ? throw ByZero() : a - b * Math.Floor(a / b)),
        _ => left is double || right is double || AsInteger(right) is < 0 or > 4096
            ? Math.Pow(RequireNumber(left, sign), RequireNumber(right, sign))
            : Arithmetic(left, right, sign, (a, b) => BigInteger.Pow(a, (int)b), Math.Pow),
    };

    /// <summary>A number with the other sign.</summary>
    public static object? Negate(object? value) => Calculate("-", 0L, value);

    /// <summary>A value as text, as Python's <c>str</c> writes it.</summary>
    public static string Text(object? value) => value switch
    {
        string text => text,
        Undefined => "",
        _ => Representation(value),
    };

    /// <summary>A value as text, as Python's <c>repr</c> writes it.</summary>
    public static string Representation(object? value) => value switch
    {
        null => "None",
        bool truth => truth ? "True" : "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number => Text(number),
        string text => Quote(text),
        TemplateMap map => $"{{{string.Join(", ", map.Select(pair => $"{Quote(pair.Key)}: {Representation(pair.Value)}"))}}}",
        TemplateTuple tuple => tuple.Count == 1 ? $"({Representation(tuple[0])},)" : $"({string.Join(", ", tuple.Select(Representation))})",
        List<object?> list => $"[{string.Join(", ", list.Select(Representation))}]",
        Undefined => "Undefined",
        _ => "<function>",
    };

    /// <summary>A number as Python writes it.</summary>
    public static string Text(double number)
    {
        if (!double.IsFinite(number))
        {
            return double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        }

        string shortest = number.ToString("R", CultureInfo.InvariantCulture);
        int exponent = Exponent(shortest.TrimStart('-'));
        if (exponent is >= -4 and < 16)
        {
            string plain = shortest.Contains('E', StringComparison.Ordinal) ? ((decimal)number).ToString(CultureInfo.InvariantCulture) : shortest;
            return plain.Contains('.', StringComparison.Ordinal) ? plain : $"{plain}.0";
        }

        int mark = shortest.IndexOf('E', StringComparison.Ordinal);
        string digits = mark >= 0 ? shortest[..mark] : shortest;
        if (mark < 0)
        {
            string sign = digits.StartsWith('-') ? "-" : "";
            digits = digits.TrimStart('-').TrimEnd('0');
            digits = sign + (digits.Length > 1 ? $"{digits[0]}.{digits[1..]}" : digits);
        }

        return $"{digits}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture)}";
    }

    // The power of ten of the first digit.
    private static int Exponent(string digits)
    {
        int mark = digits.IndexOf('E', StringComparison.Ordinal);
        if (mark >= 0)
        {
            return int.Parse(digits.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        }

        int first = digits.AsSpan().IndexOfAnyInRange('1', '9');
        int point = digits.IndexOf('.', StringComparison.Ordinal) is >= 0 and var place ? place : digits.Length;
        return first < 0 ? 0 : first < point ? point - first - 1 : point - first;
    }

    /// <summary>A value as a whole number.</summary>
    public static long AsInteger(object? value) => value switch
    {
        long number => number,
        bool truth => truth ? 1 : 0,
        double number => (long)number,
        _ => 0,
    };

    /// <summary>A value that must be a whole number.</summary>
    public static long RequireInteger(object? value, string what) =>
        value is long or bool ? AsInteger(value) : throw new ChatTemplateException($"The chat template gives {TypeName(value)} for {what}, which must be a whole number.");

    private static double? AsNumber(object? value) => value switch
    {
        long number => number,
        double number => number,
        bool truth => truth ? 1 : 0,
        _ => null,
    };

    private static double RequireNumber(object? value, string sign) =>
        AsNumber(value) ?? throw new ChatTemplateException($"The chat template uses '{sign}' with {TypeName(value)}.");

    private static object? Arithmetic(object? left, object? right, string sign, Func<BigInteger, BigInteger, BigInteger> whole, Func<double, double, double> real)
    {
        if (AsNumber(left) is not { } a || AsNumber(right) is not { } b)
        {
            throw new ChatTemplateException($"The chat template uses '{sign}' with {TypeName(left)} and {TypeName(right)}.");
        }

        if (left is double || right is double)
        {
            return real(a, b);
        }

        BigInteger result = whole(AsInteger(left), AsInteger(right));
        return result >= long.MinValue && result <= long.MaxValue ? (long)result : throw new ChatTemplateException("The chat template computes a number beyond 64 bits.");
    }

    private static BigInteger Floor(BigInteger a, BigInteger b)
    {
        BigInteger quotient = BigInteger.DivRem(a, b, out BigInteger remainder);
        return !remainder.IsZero && remainder.Sign != b.Sign ? quotient - 1 : quotient;
    }

    private static ChatTemplateException ByZero() => new("The chat template divides by zero.");

    // UTF-16 has another order than code points where there are surrogates.
    private static int CompareCodePoints(string left, string right)
    {
        StringRuneEnumerator a = left.EnumerateRunes();
        StringRuneEnumerator b = right.EnumerateRunes();
        while (true)
        {
            bool hasLeft = a.MoveNext();
            bool hasRight = b.MoveNext();
            if (!hasLeft || !hasRight)
            {
                return hasLeft.CompareTo(hasRight);
            }

            if (a.Current != b.Current)
            {
                return a.Current.CompareTo(b.Current);
            }
        }
    }

    private static string Quote(string text)
    {
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        StringBuilder result = new();
        result.Append(quote);
        foreach (Rune rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '\n' => result.Append("\\n"),
                '\r' => result.Append("\\r"),
                '\t' => result.Append("\\t"),
                '\\' => result.Append("\\\\"),
                var value when value == quote => result.Append('\\').Append(quote),
                < 0x20 or (>= 0x7F and < 0xA1) => result.Append("\\x").Append(rune.Value.ToString("x2", CultureInfo.InvariantCulture)),
                _ => result.Append(rune.ToString()),
            };
        }

        return result.Append(quote).ToString();
    }
}
