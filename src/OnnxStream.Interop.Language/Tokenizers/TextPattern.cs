using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>A pattern of <c>tokenizer.json</c>: a text, or a regular expression in the form of Oniguruma, which Hugging Face's library uses.</summary>
/// <remarks>
/// .NET's expressions differ in two ways that tokenizers meet. They have no possessive quantifiers: these become atomic groups, which mean the same. And
/// they look at UTF-16, where a character beyond the basic plane is two that are no letters: such a character is replaced by one of the basic plane of the
/// same category before the text is searched, and places are counted back. https://github.com/kkos/oniguruma/blob/master/doc/RE
/// </remarks>
internal sealed class TextPattern
{
    // An expression from a file may take forever on some texts.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly string? _text;
    private readonly Regex? _expression;

    private TextPattern(string? text, Regex? expression)
    {
        _text = text;
        _expression = expression;
    }

    /// <summary>Reads the property <c>pattern</c>: <c>{"String": …}</c> or <c>{"Regex": …}</c>.</summary>
    /// <exception cref="ModelFormatException">It is neither, or .NET does not understand it.</exception>
    public static TextPattern Read(JsonSection section)
    {
        JsonSection pattern = section.Section("pattern") ?? throw section.Error("\"pattern\" is missing");
        if (pattern.Text("String") is { } text)
        {
            return new TextPattern(text, null);
        }

        string expression = pattern.Text("Regex") ?? throw section.Error("\"pattern\" has neither \"String\" nor \"Regex\"");
        try
        {
            return FromExpression(expression);
        }
        catch (ArgumentException exception)
        {
            throw section.Error($"the expression '{expression}' is not understood: {exception.Message}");
        }
    }

    /// <summary>A pattern of an expression.</summary>
    public static TextPattern FromExpression(string expression) =>
        new(null, new Regex(WithoutPossessives(expression), RegexOptions.CultureInvariant, s_patience));

    /// <summary>Where the pattern occurs, from the start on; places without length are left out.</summary>
    public List<Range> FindAll(string text)
    {
        List<Range> places = [];
        if (_text is not null)
        {
            for (int i = _text.Length == 0 ? -1 : text.IndexOf(_text, StringComparison.Ordinal); i >= 0; i = text.IndexOf(_text, i + _text.Length, StringComparison.Ordinal))
            {
                places.Add(i..(i + _text.Length));
            }

            return places;
        }

        (string searched, int[]? offsets) = WithoutSurrogates(text);
        foreach (ValueMatch match in _expression!.EnumerateMatches(searched))
        {
            if (match.Length > 0)
            {
                (int start, int end) = (match.Index, match.Index + match.Length);
                places.Add(offsets is null ? start..end : offsets[start]..offsets[end]);
            }
        }

        return places;
    }

    /// <summary>The text with other text where the pattern occurs.</summary>
    public string Replace(string text, string content)
    {
        if (_text is not null)
        {
            return _text.Length == 0 ? text : text.Replace(_text, content, StringComparison.Ordinal);
        }

        StringBuilder result = new();
        int last = 0;
        foreach (Range place in FindAll(text))
        {
            result.Append(text.AsSpan(last, place.Start.Value - last)).Append(content);
            last = place.End.Value;
        }

        return result.Append(text.AsSpan(last)).ToString();
    }

    private static (string Searched, int[]? Offsets) WithoutSurrogates(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return (text, null);
        }

        StringBuilder searched = new(text.Length);
        List<int> offsets = new(text.Length + 1);
        for (int i = 0; i < text.Length;)
        {
            offsets.Add(i);
            bool isPair = Rune.TryGetRuneAt(text, i, out Rune rune) && rune.Utf16SequenceLength == 2;
            searched.Append(isPair ? StandIn(Rune.GetUnicodeCategory(rune)) : text[i]);
            i += isPair ? 2 : 1;
        }

        offsets.Add(text.Length);
        return (searched.ToString(), [.. offsets]);
    }

    // Rare characters that no pattern names.
    private static char StandIn(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => '\u018E',
        UnicodeCategory.LowercaseLetter => '\u01DD',
        UnicodeCategory.TitlecaseLetter => '\u01F2',
        UnicodeCategory.ModifierLetter => '\u02B0',
        UnicodeCategory.OtherLetter => '\uA000',
        UnicodeCategory.NonSpacingMark => '\u0337',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.EnclosingMark => '\u20DD',
        UnicodeCategory.DecimalDigitNumber => '\u07C0',
        UnicodeCategory.LetterNumber => '\u2160',
        UnicodeCategory.OtherNumber => '\u2460',
        UnicodeCategory.MathSymbol => '\u2211',
        UnicodeCategory.CurrencySymbol => '\u20A0',
        UnicodeCategory.ModifierSymbol => '\u02C2',
        UnicodeCategory.OtherSymbol => '\u2600',
        UnicodeCategory.ConnectorPunctuation => '\u203F',
        UnicodeCategory.DashPunctuation => '\u2013',
        UnicodeCategory.OpenPunctuation => '\u2045',
        UnicodeCategory.ClosePunctuation => '\u2046',
        UnicodeCategory.OtherPunctuation => '\u203B',
        UnicodeCategory.Format => '\u2061',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\u0378',
    };

    // X++ becomes (?>X+). What X is begins at the last character, class, escape or group.
    private static string WithoutPossessives(string expression)
    {
        StringBuilder result = new(expression.Length);
        Stack<int> groups = [];
        int atom = 0;
        for (int i = 0; i < expression.Length;)
        {
            char c = expression[i];
            switch (c)
            {
                case '(':
                    groups.Push(result.Length);
                    result.Append(c);
                    i++;
                    continue;
                case ')':
                    atom = groups.Count > 0 ? groups.Pop() : 0;
                    result.Append(c);
                    i++;
                    break;
                case '[':
                    atom = result.Length;
                    int end = ClassEnd(expression, i);
                    result.Append(expression, i, end - i);
                    i = end;
                    break;
                case '\\':
                    atom = result.Length;
                    int length = EscapeLength(expression, i);
                    result.Append(expression, i, length);
                    i += length;
                    break;
                default:
                    atom = result.Length;
                    result.Append(c);
                    i++;
                    break;
            }

            int quantifier = QuantifierLength(expression, i);
            result.Append(expression, i, quantifier);

            // Behind braces a plus is not possessive in Oniguruma's Ruby syntax: it repeats the repetition.
            if (quantifier > 0 && i + quantifier < expression.Length && expression[i + quantifier] == '+')
            {
                result.Insert(atom, expression[i] == '{' ? "(?:" : "(?>").Append(expression[i] == '{' ? ")+" : ")");
                i++;
            }

            i += quantifier;
        }

        return result.ToString();
    }

    private static int ClassEnd(string expression, int start)
    {
        int depth = 0;
        for (int i = start; i < expression.Length; i++)
        {
            switch (expression[i])
            {
                case '\\':
                    i++;
                    break;
                case '[':
                    depth++;
                    break;
                case ']':
                    if (--depth == 0)
                    {
                        return i + 1;
                    }

                    break;
            }
        }

        return expression.Length;
    }

    private static int EscapeLength(string expression, int start)
    {
        if (start + 1 >= expression.Length)
        {
            return 1;
        }

        int brace = expression[start + 1] is 'p' or 'P' or 'x' && start + 2 < expression.Length && expression[start + 2] == '{' ? expression.IndexOf('}', start) : -1;
        return brace > 0 ? brace + 1 - start : 2;
    }

    private static int QuantifierLength(string expression, int start)
    {
        if (start >= expression.Length)
        {
            return 0;
        }

        if (expression[start] is '*' or '+' or '?')
        {
            return 1;
        }

        int end = expression[start] == '{' && start + 1 < expression.Length && char.IsAsciiDigit(expression[start + 1]) ? expression.IndexOf('}', start) : -1;
        return end > 0 ? end + 1 - start : 0;
    }
}
