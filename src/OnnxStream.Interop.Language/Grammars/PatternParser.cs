using System.Globalization;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>Reads the regular expressions of JSON schemas, as far as they are regular: no references back, no looking ahead. https://262.ecma-international.org/#sec-patterns</summary>
internal sealed class PatternParser
{
    private const int MostDepth = 100;
    private const int MostRepetitions = 10_000;

    private static readonly CodePointSet s_digits = CodePointSet.Of(('0', '9'));
    private static readonly CodePointSet s_words = CodePointSet.Of(('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_'));
    private static readonly CodePointSet s_lineEnds = CodePointSet.Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029));
    private static readonly CodePointSet s_spaces = CodePointSet.Of(
        ('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));

    private readonly string _pattern;
    private readonly Func<CodePointSet, GrammarExpression> _character;
    private int _place;
    private int _depth;

    private PatternParser(string pattern, Func<CodePointSet, GrammarExpression> character)
    {
        _pattern = pattern;
        _character = character;
    }

    /// <summary>The texts in which an expression finds something.</summary>
    /// <param name="pattern">The expression. Without <c>^</c> and <c>$</c>, anything may stand before and behind.</param>
    /// <param name="character">How a character of a set is written.</param>
    /// <exception cref="GrammarException">It is no such expression, or not supported.</exception>
    public static GrammarExpression Parse(string pattern, Func<CodePointSet, GrammarExpression> character)
    {
        PatternParser parser = new(pattern, character);
        GrammarExpression expression = parser.ReadChoice(isOutside: true);
        return parser._place == pattern.Length ? expression : throw parser.Error("There is a ) without its (");
    }

    private GrammarExpression ReadChoice(bool isOutside)
    {
        if (++_depth > MostDepth)
        {
            throw Error($"There are more than {MostDepth} groups inside each other");
        }

        List<GrammarExpression> choices = [];
        do
        {
            choices.Add(ReadSequence(isOutside));
        }
        while (Take("|"));
        _depth--;
        return GrammarExpression.Any([.. choices]);
    }

    private GrammarExpression ReadSequence(bool isOutside)
    {
        GrammarExpression anything = GrammarExpression.Many(_character(CodePointSet.All));
        List<GrammarExpression> parts = [];
        if (isOutside && !Take("^"))
        {
            parts.Add(anything);
        }

        while (_place < _pattern.Length && _pattern[_place] is not ('|' or ')'))
        {
            if (isOutside && Take("$"))
            {
                return _place == _pattern.Length || _pattern[_place] == '|' ? GrammarExpression.All([.. parts]) : throw Error("$ is supported at the end only");
            }

            GrammarExpression part = ReadPart();
            parts.Add(ReadRepetition(part));
        }

        if (isOutside)
        {
            parts.Add(anything);
        }

        return GrammarExpression.All([.. parts]);
    }

    private GrammarExpression ReadPart()
    {
        char character = _pattern[_place];
        switch (character)
        {
            case '(':
                _place++;
                if (Take("?"))
                {
                    bool isNamed = _place + 1 < _pattern.Length && _pattern[_place] == '<' && _pattern[_place + 1] is not ('=' or '!');
                    if (isNamed)
                    {
                        int end = _pattern.IndexOf('>', _place);
                        _place = end < 0 ? throw Error("The name of a group has no end") : end + 1;
                    }
                    else if (!Take(":"))
                    {
                        throw Error("Groups that look ahead or behind, or change options, are not supported");
                    }
                }

                GrammarExpression inner = ReadChoice(isOutside: false);
                return Take(")") ? inner : throw Error("A ( has no )");
            case '[':
                _place++;
                return _character(ReadSet());
            case '.':
                _place++;
                return _character(s_lineEnds.Complement());
            case '\\':
                return _character(ReadEscape(isInSet: false));
            case '^' or '$':
                throw Error($"{character} is supported at the beginning or the end only");
            case '*' or '+' or '?':
                throw Error($"There is nothing before {character}");
            default:
                return _character(Single(ReadCharacter()));
        }
    }

    private GrammarExpression ReadRepetition(GrammarExpression item)
    {
        int least = 0;
        int? most = null;
        if (Take("+"))
        {
            least = 1;
        }
        else if (Take("?"))
        {
            most = 1;
        }
        else if (Take("{"))
        {
            least = ReadNumber();
            most = !Take(",") ? least : _place < _pattern.Length && _pattern[_place] == '}' ? null : ReadNumber();
            if (!Take("}") || most < least)
            {
                throw Error("Expected numbers of repetitions, as in {2}, {2,} or {2,5}");
            }
        }
        else if (!Take("*"))
        {
            return item;
        }

        // Which of several ways is tried first does not matter here.
        Take("?");
        return _place < _pattern.Length && _pattern[_place] is '*' or '+' or '{'
            ? throw Error("A repetition of a repetition needs parentheses")
            : new GrammarExpression.Repetition(item, least, most);
    }

    private int ReadNumber()
    {
        int start = _place;
        while (_place < _pattern.Length && char.IsAsciiDigit(_pattern[_place]))
        {
            _place++;
        }

        return int.TryParse(_pattern.AsSpan(start.._place), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= MostRepetitions
            ? number
            : throw Error($"Expected a number of repetitions of at most {MostRepetitions:N0}");
    }

    private CodePointSet ReadSet()
    {
        bool isOthers = Take("^");
        CodePointSet set = CodePointSet.Of();
        while (!Take("]"))
        {
            if (_place == _pattern.Length)
            {
                throw Error("A [ has no ]");
            }

            CodePointSet part = ReadOfSet();
            if (_place + 1 < _pattern.Length && _pattern[_place] == '-' && _pattern[_place + 1] != ']' && part.Ranges is [var (first, same)] && first == same)
            {
                _place++;
                CodePointSet last = ReadOfSet();
                part = last.Ranges is [var (end, endToo)] && end == endToo && end >= first ? CodePointSet.Of((first, end)) : throw Error("A range of characters needs two, the smaller one first");
            }

            set = set.Union(part);
        }

        return isOthers ? set.Complement() : set;
    }

    private CodePointSet ReadOfSet() => _pattern[_place] == '\\' ? ReadEscape(isInSet: true) : Single(ReadCharacter());

    private CodePointSet ReadEscape(bool isInSet)
    {
        _place++;
        if (_place == _pattern.Length)
        {
            throw Error("There is nothing behind \\");
        }

        char escape = _pattern[_place++];
        switch (escape)
        {
            case 'd':
                return s_digits;
            case 'D':
                return s_digits.Complement();
            case 'w':
                return s_words;
            case 'W':
                return s_words.Complement();
            case 's':
                return s_spaces;
            case 'S':
                return s_spaces.Complement();
            case 'n':
                return Single('\n');
            case 'r':
                return Single('\r');
            case 't':
                return Single('\t');
            case 'f':
                return Single('\f');
            case 'v':
                return Single('\v');
            case 'b' when isInSet:
                return Single('\b');
            case '0' when _place == _pattern.Length || !char.IsAsciiDigit(_pattern[_place]):
                return Single(0);
            case 'x':
                return Single(ReadCode(2));
            case 'u' when Take("{"):
                int end = _pattern.IndexOf('}', _place);
                CodePointSet character = Single(ReadCode(end < 0 ? throw Error("\\u{ has no }") : end - _place));
                _place++;
                return character;
            case 'u':
                int code = ReadCode(4);
                if (char.IsHighSurrogate((char)code) && Take("\\u") && ReadCode(4) is var low && char.IsLowSurrogate((char)low))
                {
                    code = char.ConvertToUtf32((char)code, (char)low);
                }

                return Single(code);
            default:
                return char.IsAsciiLetterOrDigit(escape) ? throw Error($"\\{escape} is not supported") : Single(escape);
        }
    }

    private int ReadCode(int digits)
    {
        if (digits is 0 or > 6 || _place + digits > _pattern.Length || !uint.TryParse(_pattern.AsSpan(_place, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) || code > CodePointSet.Last)
        {
            throw Error("Expected the hexadecimal digits of a character");
        }

        _place += digits;
        return (int)code;
    }

    private int ReadCharacter()
    {
        int character = char.IsHighSurrogate(_pattern[_place]) && _place + 1 < _pattern.Length && char.IsLowSurrogate(_pattern[_place + 1])
            ? char.ConvertToUtf32(_pattern[_place], _pattern[_place + 1])
            : _pattern[_place];
        _place += character > 0xFFFF ? 2 : 1;
        return character;
    }

    private static CodePointSet Single(int character) => CodePointSet.Of((character, character));

    private bool Take(string expected)
    {
        if (string.CompareOrdinal(_pattern, _place, expected, 0, expected.Length) != 0)
        {
            return false;
        }

        _place += expected.Length;
        return true;
    }

    private GrammarException Error(string problem) => new($"The pattern '{_pattern}' is not supported or wrong at {_place}: {problem}.");
}
