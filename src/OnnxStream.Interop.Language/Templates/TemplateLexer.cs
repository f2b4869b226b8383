using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>Divides a template into text, and the words and signs between its braces. https://jinja.palletsprojects.com/en/stable/templates/</summary>
/// <remarks>As transformers asks for it: a newline behind a block goes (trim_blocks), and so does white space before a block at the start of a line (lstrip_blocks).</remarks>
internal sealed class TemplateLexer
{
    private static readonly string[] s_operators = ["**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", ".", ":", "|", ",", ";", "(", ")", "[", "]", "{", "}"];

    private readonly string _source;
    private readonly List<TemplateToken> _tokens = [];
    private int _position;
    private int _line = 1;

    private TemplateLexer(string source) => _source = source;

    /// <summary>The parts of a template.</summary>
    /// <exception cref="FormatException">A brace or a quotation mark is not closed, or a sign is not known.</exception>
    public static List<TemplateToken> Read(string source)
    {
        source = source.ReplaceLineEndings("\n");
        source = source.EndsWith('\n') ? source[..^1] : source;
        TemplateLexer lexer = new(source);
        lexer.Read();
        return lexer._tokens;
    }

    private void Read()
    {
        bool trimsNewline = false;
        bool trimsAll = false;
        while (_position < _source.Length)
        {
            int start = FindBrace(_position);
            string text = _source[_position..(start < 0 ? _source.Length : start)];
            int textLine = _line;
            _line += text.AsSpan().Count('\n');
            string shown = trimsAll ? text.TrimStart() : trimsNewline && text.StartsWith('\n') ? text[1..] : text;
            if (start < 0)
            {
                AddText(shown, textLine);
                break;
            }

            char kind = _source[start + 1];
            char control = start + 2 < _source.Length ? _source[start + 2] : ' ';
            if (control == '-')
            {
                shown = shown.TrimEnd();
            }
            else if (kind != '{' && control != '+')
            {
                shown = WithoutIndent(shown, text);
            }

            AddText(shown, textLine);
            _position = start + 2 + (control is '-' or '+' ? 1 : 0);
            (trimsAll, trimsNewline) = kind switch
            {
                '#' => SkipComment(),
                '{' => ReadTag(TokenKind.VariableBegin, "}}", TokenKind.VariableEnd),
                _ when TryReadRaw(out (bool, bool) trims) => trims,
                _ => ReadTag(TokenKind.BlockBegin, "%}", TokenKind.BlockEnd),
            };
        }

        _tokens.Add(new TemplateToken(TokenKind.End, "", _line));
    }

    private int FindBrace(int from)
    {
        for (int i = _source.IndexOf('{', from); i >= 0 && i + 1 < _source.Length; i = _source.IndexOf('{', i + 1))
        {
            if (_source[i + 1] is '{' or '%' or '#')
            {
                return i;
            }
        }

        return -1;
    }

    // White space between the start of a line and a block.
    private string WithoutIndent(string shown, string whole)
    {
        int newline = shown.LastIndexOf('\n');
        bool isLine = newline >= 0 || (shown.Length == whole.Length && _position == 0) || (shown.Length < whole.Length && whole.Length - shown.Length == 1 && whole[0] == '\n');
        return isLine && string.IsNullOrWhiteSpace(shown[(newline + 1)..]) ? shown[..(newline + 1)] : shown;
    }

    private void AddText(string text, int line)
    {
        if (text.Length > 0)
        {
            _tokens.Add(new TemplateToken(TokenKind.Text, text, line));
        }
    }

    private (bool TrimsAll, bool TrimsNewline) SkipComment()
    {
        int end = _source.IndexOf("#}", _position, StringComparison.Ordinal);
        if (end < 0)
        {
            throw TemplateSyntax.Error(_line, "a comment is not closed");
        }

        _line += _source.AsSpan(_position, end - _position).Count('\n');
        char control = end > 0 ? _source[end - 1] : ' ';
        _position = end + 2;
        return (control == '-', control != '+');
    }

    private bool TryReadRaw(out (bool TrimsAll, bool TrimsNewline) trims)
    {
        trims = default;
        int i = SkipSpace(_position);
        if (!_source.AsSpan(i).StartsWith("raw", StringComparison.Ordinal))
        {
            return false;
        }

        i = SkipSpace(i + 3);
        bool trimsStart = i < _source.Length && _source[i] == '-';
        i += trimsStart ? 1 : 0;
        if (!_source.AsSpan(i).StartsWith("%}", StringComparison.Ordinal))
        {
            return false;
        }

        int start = i + 2;
        for (int end = _source.IndexOf("{%", start, StringComparison.Ordinal); end >= 0; end = _source.IndexOf("{%", end + 2, StringComparison.Ordinal))
        {
            int word = end + 2;
            bool trimsEnd = word < _source.Length && _source[word] == '-';
            word = SkipSpace(word + (trimsEnd ? 1 : 0));
            if (!_source.AsSpan(word).StartsWith("endraw", StringComparison.Ordinal))
            {
                continue;
            }

            word = SkipSpace(word + 6);
            bool trimsAll = word < _source.Length && _source[word] == '-';
            word += trimsAll ? 1 : 0;
            if (!_source.AsSpan(word).StartsWith("%}", StringComparison.Ordinal))
            {
                continue;
            }

            string text = _source[start..end];
            text = trimsStart ? text.TrimStart() : text.StartsWith('\n') ? text[1..] : text;
            AddText(trimsEnd ? text.TrimEnd() : text, _line);
            _line += _source.AsSpan(_position, word - _position).Count('\n');
            _position = word + 2;
            trims = (trimsAll, true);
            return true;
        }

        throw TemplateSyntax.Error(_line, "'raw' is not closed");
    }

    private int SkipSpace(int position)
    {
        while (position < _source.Length && char.IsWhiteSpace(_source[position]))
        {
            position++;
        }

        return position;
    }

    private (bool TrimsAll, bool TrimsNewline) ReadTag(TokenKind begin, string close, TokenKind end)
    {
        _tokens.Add(new TemplateToken(begin, close, _line));
        int depth = 0;
        while (true)
        {
            int next = SkipSpace(_position);
            _line += _source.AsSpan(_position, next - _position).Count('\n');
            _position = next;
            if (_position >= _source.Length)
            {
                throw TemplateSyntax.Error(_line, $"'{close}' is missing");
            }

            ReadOnlySpan<char> rest = _source.AsSpan(_position);
            if (depth == 0)
            {
                bool isControlled = rest[0] is '-' or '+' && rest[1..].StartsWith(close, StringComparison.Ordinal);
                if (isControlled || rest.StartsWith(close, StringComparison.Ordinal))
                {
                    _tokens.Add(new TemplateToken(end, close, _line));
                    _position += close.Length + (isControlled ? 1 : 0);
                    return (isControlled && rest[0] == '-', end == TokenKind.BlockEnd && !(isControlled && rest[0] == '+'));
                }
            }

            if (char.IsLetter(rest[0]) || rest[0] == '_')
            {
                int length = 1;
                while (length < rest.Length && (char.IsLetterOrDigit(rest[length]) || rest[length] == '_'))
                {
                    length++;
                }

                Add(TokenKind.Name, length);
            }
            else if (char.IsAsciiDigit(rest[0]))
            {
                ReadNumber(rest);
            }
            else if (rest[0] is '"' or '\'')
            {
                ReadString(rest[0]);
            }
            else
            {
                string text = _source.Substring(_position, Math.Min(2, rest.Length));
                string? sign = Array.Find(s_operators, candidate => text.StartsWith(candidate, StringComparison.Ordinal)) ??
                    throw TemplateSyntax.Error(_line, $"'{rest[0]}' is not expected here");
                depth += sign is "(" or "[" or "{" ? 1 : sign is ")" or "]" or "}" ? -1 : 0;
                Add(TokenKind.Operator, sign.Length);
            }
        }
    }

    private void Add(TokenKind kind, int length)
    {
        _tokens.Add(new TemplateToken(kind, _source.Substring(_position, length), _line));
        _position += length;
    }

    private void ReadNumber(ReadOnlySpan<char> rest)
    {
        int length = 1;
        bool isFloat = false;
        while (length < rest.Length)
        {
            char c = rest[length];
            bool isPoint = c == '.' && !isFloat && length + 1 < rest.Length && char.IsAsciiDigit(rest[length + 1]);
            bool isExponent = c is 'e' or 'E' && length + 1 < rest.Length && (char.IsAsciiDigit(rest[length + 1]) || (rest[length + 1] is '-' or '+' && length + 2 < rest.Length && char.IsAsciiDigit(rest[length + 2])));
            if (!char.IsAsciiDigit(c) && c != '_' && !isPoint && !isExponent)
            {
                break;
            }

            isFloat |= isPoint || isExponent;
            length += isExponent ? 2 : 1;
        }

        Add(isFloat ? TokenKind.Float : TokenKind.Integer, length);
    }

    private void ReadString(char quote)
    {
        StringBuilder text = new();
        int line = _line;
        for (int i = _position + 1; i < _source.Length; i++)
        {
            char c = _source[i];
            if (c == quote)
            {
                _tokens.Add(new TemplateToken(TokenKind.String, text.ToString(), line));
                _position = i + 1;
                return;
            }

            _line += c == '\n' ? 1 : 0;
            if (c != '\\' || i + 1 >= _source.Length)
            {
                text.Append(c);
                continue;
            }

            c = _source[++i];
            int digits = c switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
            if (digits > 0 && i + digits < _source.Length &&
                int.TryParse(_source.AsSpan(i + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) && (value <= 0xFFFF || Rune.IsValid(value)))
            {
                text.Append(value <= 0xFFFF ? ((char)value).ToString() : new Rune(value).ToString());
                i += digits;
                continue;
            }

            text.Append(c switch
            {
                'n' => "\n",
                't' => "\t",
                'r' => "\r",
                'b' => "\b",
                'f' => "\f",
                'v' => "\v",
                'a' => "\a",
                '0' => "\0",
                '\n' => "",
                '\\' or '\'' or '"' => c.ToString(),
                _ => $"\\{c}",
            });
        }

        throw TemplateSyntax.Error(line, "a text is not closed");
    }
}
