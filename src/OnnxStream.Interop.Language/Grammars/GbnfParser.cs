using System.Globalization;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>Reads GBNF, the form of llama.cpp's grammars. https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md</summary>
internal sealed class GbnfParser
{
    /// <summary>The rule that a whole text is.</summary>
    public const string Root = "root";

    private const int MostDepth = 200;
    private const int MostRepetitions = 100_000;

    private readonly string _text;
    private readonly Dictionary<string, GrammarExpression> _rules = new(StringComparer.Ordinal);
    private readonly List<(string Name, int Place)> _uses = [];
    private int _place;
    private int _depth;

    private GbnfParser(string text) => _text = text;

    /// <summary>Reads the rules.</summary>
    /// <exception cref="GrammarException">It is no such grammar.</exception>
    public static Dictionary<string, GrammarExpression> Parse(string text) => new GbnfParser(text).Parse();

    private Dictionary<string, GrammarExpression> Parse()
    {
        SkipSpace(andLines: true);
        while (_place < _text.Length)
        {
            int start = _place;
            string name = ReadName() ?? throw Error("Expected the name of a rule");
            SkipSpace(andLines: false);
            if (!Take("::="))
            {
                throw Error($"Expected ::= behind the name '{name}'");
            }

            SkipSpace(andLines: true);
            GrammarExpression expression = ReadChoice(isInside: false);
            if (!_rules.TryAdd(name, expression))
            {
                _place = start;
                throw Error($"The rule '{name}' is there twice");
            }

            SkipSpace(andLines: true);
        }

        foreach ((string name, int place) in _uses)
        {
            if (!_rules.ContainsKey(name))
            {
                _place = place;
                throw Error($"There is no rule '{name}'");
            }
        }

        return _rules.ContainsKey(Root) ? _rules : throw new GrammarException($"The grammar has no rule '{Root}': a text is what that rule says.");
    }

    private GrammarExpression ReadChoice(bool isInside)
    {
        if (++_depth > MostDepth)
        {
            throw Error($"There are more than {MostDepth} parentheses inside each other");
        }

        List<GrammarExpression> choices = [ReadSequence(isInside)];
        while (TakeBar(isInside))
        {
            SkipSpace(andLines: true);
            choices.Add(ReadSequence(isInside));
        }

        _depth--;
        return GrammarExpression.Any([.. choices]);
    }

    // A choice may go on in the next line, if that begins with the bar.
    private bool TakeBar(bool isInside)
    {
        int start = _place;
        SkipSpace(andLines: true);
        if (Take("|"))
        {
            return true;
        }

        if (!isInside)
        {
            _place = start;
        }

        return false;
    }

    private GrammarExpression ReadSequence(bool isInside)
    {
        List<GrammarExpression> parts = [];
        while (true)
        {
            SkipSpace(andLines: isInside);
            int start = _place;
            GrammarExpression? part = ReadPart();
            if (part is null)
            {
                return GrammarExpression.All([.. parts]);
            }

            // A word in front of ::= is the next rule, though the line has not ended.
            if (part is GrammarExpression.Rule && IsRuleAhead())
            {
                _place = start;
                _uses.RemoveAt(_uses.Count - 1);
                throw Error("A rule ends with its line");
            }

            parts.Add(ReadRepetition(part, isInside));
        }
    }

    private bool IsRuleAhead()
    {
        int start = _place;
        SkipSpace(andLines: false);
        bool isAhead = Take("::=");
        _place = start;
        return isAhead;
    }

    private GrammarExpression? ReadPart()
    {
        if (_place == _text.Length)
        {
            return null;
        }

        int start = _place;
        switch (_text[_place])
        {
            case '"':
                _place++;
                List<GrammarExpression> characters = [];
                while (!Take("\""))
                {
                    int character = ReadCharacter('"');
                    characters.Add(GrammarExpression.Text(char.ConvertFromUtf32(character)));
                }

                return GrammarExpression.All([.. characters]);
            case '[':
                _place++;
                return ReadSet();
            case '.':
                _place++;
                return new GrammarExpression.Characters(CodePointSet.All);
            case '(':
                _place++;
                SkipSpace(andLines: true);
                GrammarExpression inner = ReadChoice(isInside: true);
                SkipSpace(andLines: true);
                return Take(")") ? inner : throw Error($"Expected ) for the ( in {Where(start)}");
            case '<' or '!':
                throw Error("Tokens in angle brackets are not supported: write the text that they are");
            default:
                if (ReadName() is not { } name)
                {
                    return null;
                }

                _uses.Add((name, start));
                return new GrammarExpression.Rule(name);
        }
    }

    private GrammarExpression.Characters ReadSet()
    {
        bool isOthers = Take("^");
        List<(int, int)> ranges = [];
        while (!Take("]"))
        {
            int first = ReadCharacter(']');
            int last = first;
            if (_place + 1 < _text.Length && _text[_place] == '-' && _text[_place + 1] != ']')
            {
                _place++;
                last = ReadCharacter(']');
            }

            ranges.Add(first <= last ? (first, last) : throw Error("The range of characters ends before it begins"));
        }

        CodePointSet set = CodePointSet.Of(ranges);
        return new GrammarExpression.Characters(isOthers ? set.Complement() : set);
    }

    private GrammarExpression ReadRepetition(GrammarExpression item, bool isInside)
    {
        while (true)
        {
            int start = _place;
            SkipSpace(andLines: isInside);
            if (Take("*"))
            {
                item = GrammarExpression.Many(item);
            }
            else if (Take("+"))
            {
                item = new GrammarExpression.Repetition(item, 1, null);
            }
            else if (Take("?"))
            {
                item = GrammarExpression.Optional(item);
            }
            else if (Take("{"))
            {
                SkipSpace(andLines: false);
                int? least = ReadNumber();
                SkipSpace(andLines: false);
                int? most = least;
                if (Take(","))
                {
                    SkipSpace(andLines: false);
                    most = ReadNumber();
                    SkipSpace(andLines: false);
                }
                else if (least is null)
                {
                    throw Error("Expected a number of repetitions, as in {2}, {2,} or {2,5}");
                }

                if (!Take("}"))
                {
                    throw Error("Expected } behind the number of repetitions");
                }

                if (most < (least ?? 0))
                {
                    throw Error($"The repetitions end before they begin: {least} to {most}");
                }

                item = new GrammarExpression.Repetition(item, least ?? 0, most);
            }
            else
            {
                _place = start;
                return item;
            }
        }
    }

    private int? ReadNumber()
    {
        int start = _place;
        while (_place < _text.Length && char.IsAsciiDigit(_text[_place]))
        {
            _place++;
        }

        return start == _place ? null :
            int.TryParse(_text.AsSpan(start.._place), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= MostRepetitions ? number :
            throw Error($"There may be at most {MostRepetitions:N0} repetitions");
    }

    private int ReadCharacter(char end)
    {
        if (_place == _text.Length || (_text[_place] is '\n' or '\r'))
        {
            throw Error($"Expected {end} before the line ends");
        }

        char character = _text[_place++];
        if (character != '\\')
        {
            return !char.IsSurrogate(character) ? character :
                char.IsHighSurrogate(character) && _place < _text.Length && char.IsLowSurrogate(_text[_place]) ? char.ConvertToUtf32(character, _text[_place++]) :
                throw Error("Half of a character cannot be part of a text");
        }

        char escape = _place < _text.Length ? _text[_place++] : throw Error("Expected a character behind \\");
        return escape switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'x' => ReadCode(2),
            'u' => ReadCode(4),
            'U' => ReadCode(8),
            '\\' or '"' or '[' or ']' or '-' or '^' or '/' => escape,
            _ => throw Error($"\\{escape} is not supported; supported are \\n \\r \\t \\\\ \\\" \\[ \\] \\xFF \\uFFFF \\U0010FFFF"),
        };
    }

    private int ReadCode(int digits)
    {
        if (_place + digits > _text.Length || !uint.TryParse(_text.AsSpan(_place, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) || code > CodePointSet.Last || code is >= 0xD800 and <= 0xDFFF)
        {
            throw Error($"Expected {digits} hexadecimal digits of a character");
        }

        _place += digits;
        return (int)code;
    }

    private string? ReadName()
    {
        int start = _place;
        while (_place < _text.Length && (char.IsAsciiLetterOrDigit(_text[_place]) || _text[_place] is '-' or '_'))
        {
            _place++;
        }

        return start == _place ? null : _text[start.._place];
    }

    private bool Take(string expected)
    {
        if (string.CompareOrdinal(_text, _place, expected, 0, expected.Length) != 0)
        {
            return false;
        }

        _place += expected.Length;
        return true;
    }

    private void SkipSpace(bool andLines)
    {
        while (_place < _text.Length)
        {
            char character = _text[_place];
            if (character == '#')
            {
                while (_place < _text.Length && _text[_place] is not ('\n' or '\r'))
                {
                    _place++;
                }
            }
            else if (character is ' ' or '\t' || (andLines && character is '\n' or '\r'))
            {
                _place++;
            }
            else
            {
                return;
            }
        }
    }

    private GrammarException Error(string problem) => new($"The grammar is wrong in {Where(_place)}: {problem}.");

    private string Where(int place)
    {
        ReadOnlySpan<char> before = _text.AsSpan(0, Math.Min(place, _text.Length));
        int line = before.LastIndexOf('\n');
        return $"line {before.Count('\n') + 1}, column {before.Length - line}";
    }
}
