using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>Rules of JSON's texts. https://www.rfc-editor.org/rfc/rfc8259</summary>
/// <remarks>
/// White space is what a printer of JSON would write: none, one space, or a line break with at most 20 spaces. Numbers have at most 16 digits before and behind the
/// point, so that a model cannot write one without end.
/// </remarks>
internal sealed class JsonTexts
{
    /// <summary>The most digits before or behind the point.</summary>
    public const int MostDigits = 16;

    private const int MostIndent = 20;

    private static readonly (char Character, char Letter)[] s_escapes = [('"', '"'), ('\\', '\\'), ('\b', 'b'), ('\f', 'f'), ('\n', 'n'), ('\r', 'r'), ('\t', 't')];

    private static readonly CodePointSet s_escaped = CodePointSet.Of((0, 0x1F), ('"', '"'), ('\\', '\\'));

    private static readonly GrammarExpression s_hex = new GrammarExpression.Characters(CodePointSet.Of(('0', '9'), ('a', 'f'), ('A', 'F')));

    /// <summary>Writes the rules.</summary>
    public JsonTexts()
    {
        GrammarExpression indent = new GrammarExpression.Repetition(GrammarExpression.Text(" "), 0, MostIndent);
        Space = Define("space", GrammarExpression.Optional(GrammarExpression.Any(GrammarExpression.Text(" "), GrammarExpression.All(GrammarExpression.Text("\n"), indent))));
        Character = Define("character", GrammarExpression.Any(
            new GrammarExpression.Characters(s_escaped.Complement()),
            GrammarExpression.All(GrammarExpression.Text("\\"), GrammarExpression.Any(
                new GrammarExpression.Characters(CodePointSet.Of("\"\\/bfnrt".Select(letter => ((int)letter, (int)letter)))),
                GrammarExpression.All(GrammarExpression.Text("u"), UnicodeEscape())))));
        AnyText = Define("text", Quoted(GrammarExpression.Many(Character)));
        Digit = GrammarExpression.Range('0', '9');
        WholeNumber = Define("whole", GrammarExpression.Any(
            GrammarExpression.Text("0"), GrammarExpression.All(GrammarExpression.Range('1', '9'), GrammarExpression.Digits(0, MostDigits - 1))));
        Integer = Define("integer", GrammarExpression.All(GrammarExpression.Optional(GrammarExpression.Text("-")), WholeNumber));
        Number = Define("number", GrammarExpression.All(
            Integer,
            GrammarExpression.Optional(GrammarExpression.All(GrammarExpression.Text("."), GrammarExpression.Digits(1, MostDigits))),
            GrammarExpression.Optional(GrammarExpression.All(
                new GrammarExpression.Characters(CodePointSet.Of(('e', 'e'), ('E', 'E'))),
                GrammarExpression.Optional(new GrammarExpression.Characters(CodePointSet.Of(('+', '+'), ('-', '-')))),
                GrammarExpression.Digits(1, 2)))));
        Boolean = GrammarExpression.Any(GrammarExpression.Text("true"), GrammarExpression.Text("false"));
        Null = GrammarExpression.Text("null");
        GrammarExpression value = new GrammarExpression.Rule("value");
        AnyObject = Define("object", Braces(GrammarExpression.Optional(List(Member(AnyText, value), 1, null))));
        AnyArray = Define("array", Brackets(GrammarExpression.Optional(List(value, 1, null))));
        AnyValue = Define("value", GrammarExpression.Any(AnyObject, AnyArray, AnyText, Number, Boolean, Null));
    }

    /// <summary>The rules by their names.</summary>
    public Dictionary<string, GrammarExpression> Rules { get; } = new(StringComparer.Ordinal);

    /// <summary>White space that may be left out.</summary>
    public GrammarExpression Space { get; }

    /// <summary>A character inside of a text.</summary>
    public GrammarExpression Character { get; }

    /// <summary>Any text, with its quotation marks.</summary>
    public GrammarExpression AnyText { get; }

    /// <summary>A decimal digit.</summary>
    public GrammarExpression Digit { get; }

    /// <summary>A number without sign, point and exponent.</summary>
    public GrammarExpression WholeNumber { get; }

    /// <summary>Any whole number.</summary>
    public GrammarExpression Integer { get; }

    /// <summary>Any number.</summary>
    public GrammarExpression Number { get; }

    /// <summary>True or false.</summary>
    public GrammarExpression Boolean { get; }

    /// <summary>Null.</summary>
    public GrammarExpression Null { get; }

    /// <summary>Any object.</summary>
    public GrammarExpression AnyObject { get; }

    /// <summary>Any list.</summary>
    public GrammarExpression AnyArray { get; }

    /// <summary>Any value.</summary>
    public GrammarExpression AnyValue { get; }

    /// <summary>What stands between quotation marks.</summary>
    public static GrammarExpression Quoted(GrammarExpression content) => GrammarExpression.All(GrammarExpression.Text("\""), content, GrammarExpression.Text("\""));

    /// <summary>One certain text, with its quotation marks.</summary>
    public static GrammarExpression Exactly(string text)
    {
        StringBuilder written = new("\"");
        foreach (Rune rune in text.EnumerateRunes())
        {
            written.Append(Escape(rune.Value) ?? rune.ToString());
        }

        return GrammarExpression.Text(written.Append('"').ToString());
    }

    /// <summary>A character of a set, as it is written inside of a text.</summary>
    public static GrammarExpression Characters(CodePointSet set)
    {
        List<GrammarExpression> ways = [];
        CodePointSet plain = set.Except(s_escaped);
        if (plain.Ranges.Count > 0)
        {
            ways.Add(new GrammarExpression.Characters(plain));
        }

        ways.AddRange(s_escaped.Ranges.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1)).Where(set.Contains).Select(character => GrammarExpression.Text(Escape(character)!)));
        return GrammarExpression.Any([.. ways]);
    }

    /// <summary>A text that is none of some, written without escapes.</summary>
    /// <param name="others">The texts that it is not.</param>
    /// <param name="depth">How many characters they have in common, which have been written.</param>
    public static GrammarExpression Except(IReadOnlyList<Rune[]> others, int depth = 0)
    {
        GrammarExpression any = new GrammarExpression.Characters(s_escaped.Complement());
        if (others.Count == 0)
        {
            return GrammarExpression.Many(any);
        }

        List<GrammarExpression> ways = [];
        if (!others.Any(other => other.Length == depth))
        {
            ways.Add(GrammarExpression.Empty);
        }

        List<(int, int)> taken = [];
        foreach (IGrouping<int, Rune[]> group in others.Where(other => other.Length > depth).GroupBy(other => other[depth].Value))
        {
            taken.Add((group.Key, group.Key));
            if (Escape(group.Key) is null)
            {
                ways.Add(GrammarExpression.All(GrammarExpression.Text(new Rune(group.Key).ToString()), Except([.. group], depth + 1)));
            }
        }

        ways.Add(GrammarExpression.All(new GrammarExpression.Characters(s_escaped.Union(CodePointSet.Of(taken)).Complement()), GrammarExpression.Many(any)));
        return GrammarExpression.Any([.. ways]);
    }

    /// <summary>A name and a value.</summary>
    public GrammarExpression Member(GrammarExpression name, GrammarExpression value) => GrammarExpression.All(name, GrammarExpression.Text(":"), Space, value);

    /// <summary>An object of members.</summary>
    public GrammarExpression Braces(GrammarExpression members) => GrammarExpression.All(GrammarExpression.Text("{"), Space, members, GrammarExpression.Text("}"));

    /// <summary>A list of elements.</summary>
    public GrammarExpression Brackets(GrammarExpression elements) => GrammarExpression.All(GrammarExpression.Text("["), Space, elements, GrammarExpression.Text("]"));

    /// <summary>Members or elements with commas between them, and white space behind the last one.</summary>
    /// <param name="item">One of them.</param>
    /// <param name="least">How many there are at least: one or more.</param>
    /// <param name="most">How many there are at most.</param>
    public GrammarExpression List(GrammarExpression item, int least, int? most) => GrammarExpression.All(item, new GrammarExpression.Repetition(Next(item), least - 1, most - 1), Space);

    /// <summary>One more member or element.</summary>
    public GrammarExpression Next(GrammarExpression item) => GrammarExpression.All(GrammarExpression.Text(","), Space, item);

    /// <summary>Writes a rule.</summary>
    /// <returns>A call of it.</returns>
    public GrammarExpression Define(string name, GrammarExpression expression)
    {
        Rules.Add(name, expression);
        return new GrammarExpression.Rule(name);
    }

    private static string? Escape(int character) =>
        Array.Find(s_escapes, escape => escape.Character == character) is { Letter: not '\0' } escape ? $"\\{escape.Letter}" :
        character < 0x20 ? $"\\u{character.ToString("x4", CultureInfo.InvariantCulture)}" : null;

    // A character of the basic plane, or two halves that belong together: half a character is none.
    private static GrammarExpression UnicodeEscape()
    {
        GrammarExpression d = new GrammarExpression.Characters(CodePointSet.Of(('d', 'd'), ('D', 'D')));
        GrammarExpression notD = new GrammarExpression.Characters(CodePointSet.Of(('0', '9'), ('a', 'c'), ('A', 'C'), ('e', 'f'), ('E', 'F')));
        GrammarExpression high = new GrammarExpression.Characters(CodePointSet.Of(('8', '9'), ('a', 'b'), ('A', 'B')));
        GrammarExpression low = new GrammarExpression.Characters(CodePointSet.Of(('c', 'f'), ('C', 'F')));
        return GrammarExpression.Any(
            GrammarExpression.All(notD, s_hex, s_hex, s_hex),
            GrammarExpression.All(d, GrammarExpression.Range('0', '7'), s_hex, s_hex),
            GrammarExpression.All(d, high, s_hex, s_hex, GrammarExpression.Text("\\u"), d, low, s_hex, s_hex));
    }
}
