using System.Globalization;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>Makes something that can be run of a template. https://jinja.palletsprojects.com/en/stable/templates/</summary>
/// <remarks>
/// It knows what published chat templates use: text, values, if, for with else, break and continue, set, macros, filter blocks, and <c>generation</c>, which
/// transformers adds. Templates that include or extend others are refused.
/// </remarks>
internal sealed class TemplateParser
{
    private const int MostDepth = 200;

    private readonly List<TemplateToken> _tokens;
    private int _position;
    private int _depth;
    private int _loops;

    private TemplateParser(List<TemplateToken> tokens) => _tokens = tokens;

    private TemplateToken Current => _tokens[_position];

    /// <summary>Reads a template.</summary>
    /// <exception cref="FormatException">It is not written as templates are.</exception>
    public static Statement Parse(string source)
    {
        TemplateParser parser = new(TemplateLexer.Read(source));
        Statement body = parser.ParseBody();
        return parser.Current.Kind == TokenKind.End ? body : throw parser.Unexpected();
    }

    // Up to the end, or a block that one of these words begins, which stays.
    private Statement ParseBody(params string[] ends)
    {
        Enter();
        List<Statement> statements = [];
        while (Current.Kind != TokenKind.End)
        {
            if (Current.Kind == TokenKind.Text)
            {
                string text = Next().Text;
                statements.Add((_, output) =>
                {
                    output.Append(text);
                    return LoopExit.None;
                });
            }
            else if (Current.Kind == TokenKind.VariableBegin)
            {
                Next();
                Expression expression = ParseTuple();
                Expect(TokenKind.VariableEnd);
                statements.Add((scope, output) =>
                {
                    scope.Step(output);
                    output.Append(TemplateValues.Text(expression(scope)));
                    return LoopExit.None;
                });
            }
            else
            {
                string word = _tokens[_position + 1].Text;
                if (_tokens[_position + 1].Kind == TokenKind.Name && ends.Contains(word))
                {
                    break;
                }

                Next();
                statements.Add(ParseStatement());
            }
        }

        _depth--;
        Statement[] all = [.. statements];
        return (scope, output) =>
        {
            foreach (Statement statement in all)
            {
                if (statement(scope, output) is var exit and not LoopExit.None)
                {
                    return exit;
                }
            }

            return LoopExit.None;
        };
    }

    private Statement ParseStatement()
    {
        TemplateToken word = Expect(TokenKind.Name);
        switch (word.Text)
        {
            case "if":
                return ParseIf();
            case "for":
                return ParseFor();
            case "set":
                return ParseSet();
            case "macro":
                return ParseMacro();
            case "filter":
                return ParseFilterBlock();
            case "generation":
                Expect(TokenKind.BlockEnd);
                Statement body = ParseBody("endgeneration");
                ExpectEnd("endgeneration");
                return body;
            case "break" or "continue" when _loops > 0:
                Expect(TokenKind.BlockEnd);
                LoopExit exit = word.Text == "break" ? LoopExit.Break : LoopExit.Continue;
                return (_, _) => exit;
            case "do":
                Expression expression = ParseExpression();
                Expect(TokenKind.BlockEnd);
                return (scope, _) =>
                {
                    expression(scope);
                    return LoopExit.None;
                };
            default:
                throw TemplateSyntax.Error(word.Line, $"'{word.Text}' is not known here, or not supported");
        }
    }

    private Statement ParseIf()
    {
        List<(Expression? Condition, Statement Body)> branches = [];
        Expression? condition = ParseExpression();
        while (true)
        {
            Expect(TokenKind.BlockEnd);
            branches.Add((condition, ParseBody("elif", "else", "endif")));
            Expect(TokenKind.BlockBegin);
            string word = Expect(TokenKind.Name).Text;
            if (word == "endif")
            {
                Expect(TokenKind.BlockEnd);
                break;
            }

            if (condition is null)
            {
                throw TemplateSyntax.Error(Current.Line, $"'{word}' behind 'else'");
            }

            condition = word == "elif" ? ParseExpression() : null;
        }

        return (scope, output) =>
        {
            foreach ((Expression? when, Statement body) in branches)
            {
                if (when is null || TemplateValues.IsTrue(when(scope)))
                {
                    return body(scope, output);
                }
            }

            return LoopExit.None;
        };
    }

    private Statement ParseFor()
    {
        string[] names = ParseNames();
        ExpectWord("in");
        Expression source = ParseTuple(withCondition: false);
        Expression? filter = TryWord("if") ? ParseExpression() : null;
        Expect(TokenKind.BlockEnd);
        _loops++;
        Statement body = ParseBody("else", "endfor");
        _loops--;
        Statement? otherwise = null;
        Expect(TokenKind.BlockBegin);
        if (TryWord("else"))
        {
            Expect(TokenKind.BlockEnd);
            otherwise = ParseBody("endfor");
            Expect(TokenKind.BlockBegin);
        }

        ExpectWord("endfor");
        Expect(TokenKind.BlockEnd);
        return (scope, output) =>
        {
            List<object?> elements = [];
            foreach (object? element in TemplateValues.Iterate(source(scope)))
            {
                if (filter is not null)
                {
                    TemplateScope test = new(scope);
                    Unpack(test, names, element);
                    if (!TemplateValues.IsTrue(filter(test)))
                    {
                        continue;
                    }
                }

                elements.Add(element);
            }

            if (elements.Count == 0)
            {
                return otherwise?.Invoke(new TemplateScope(scope), output) ?? LoopExit.None;
            }

            for (int i = 0; i < elements.Count; i++)
            {
                scope.Step(output);
                TemplateScope inner = new(scope);
                inner.Set("loop", Loop(elements, i));
                Unpack(inner, names, elements[i]);
                if (body(inner, output) == LoopExit.Break)
                {
                    break;
                }
            }

            return LoopExit.None;
        };
    }

    private static TemplateMap Loop(List<object?> elements, int index)
    {
        TemplateMap loop = new()
        {
            ["index"] = index + 1L,
            ["index0"] = (long)index,
            ["revindex"] = (long)elements.Count - index,
            ["revindex0"] = elements.Count - index - 1L,
            ["first"] = index == 0,
            ["last"] = index == elements.Count - 1,
            ["length"] = (long)elements.Count,
            ["previtem"] = index > 0 ? elements[index - 1] : new Undefined("previtem"),
            ["nextitem"] = index + 1 < elements.Count ? elements[index + 1] : new Undefined("nextitem"),
        };
        loop["cycle"] = (TemplateFunction)((arguments, _) => arguments.Count == 0 ? null : arguments[index % arguments.Count]);
        return loop;
    }

    private Statement ParseSet()
    {
        int start = _position;
        string[] names = ParseNames();
        if (names.Length == 1 && Current is { Kind: TokenKind.Operator, Text: "." })
        {
            Next();
            string attribute = Expect(TokenKind.Name).Text;
            ExpectOperator("=");
            Expression assigned = ParseTuple();
            Expect(TokenKind.BlockEnd);
            int line = _tokens[start].Line;
            return (scope, _) =>
            {
                if (scope.Get(names[0]) is not TemplateMap { IsNamespace: true } map)
                {
                    throw new ChatTemplateException($"The chat template sets '{attribute}' of '{names[0]}' in line {line}, which is no namespace.");
                }

                map[attribute] = assigned(scope);
                return LoopExit.None;
            };
        }

        if (Current is { Kind: TokenKind.Operator, Text: "=" })
        {
            Next();
            Expression value = ParseTuple();
            Expect(TokenKind.BlockEnd);
            return (scope, _) =>
            {
                Unpack(scope, names, value(scope));
                return LoopExit.None;
            };
        }

        // The text of a block, through filters.
        Func<TemplateScope, object?, object?> filters = ParseFilters();
        Expect(TokenKind.BlockEnd);
        Statement body = ParseBody("endset");
        ExpectEnd("endset");
        return (scope, _) =>
        {
            scope.Set(names[0], filters(scope, scope.Render(body)));
            return LoopExit.None;
        };
    }

    private Statement ParseFilterBlock()
    {
        // The first filter stands without its line.
        _tokens.Insert(_position, new TemplateToken(TokenKind.Operator, "|", Current.Line));
        Func<TemplateScope, object?, object?> filters = ParseFilters();
        Expect(TokenKind.BlockEnd);
        Statement body = ParseBody("endfilter");
        ExpectEnd("endfilter");
        return (scope, output) =>
        {
            output.Append(TemplateValues.Text(filters(scope, scope.Render(body))));
            return LoopExit.None;
        };
    }

    private Statement ParseMacro()
    {
        string name = Expect(TokenKind.Name).Text;
        ExpectOperator("(");
        List<(string Name, Expression? Default)> parameters = [];
        while (!TryOperator(")"))
        {
            string parameter = Expect(TokenKind.Name).Text;
            parameters.Add((parameter, TryOperator("=") ? ParseExpression() : null));
            if (!TryOperator(","))
            {
                ExpectOperator(")");
                break;
            }
        }

        Expect(TokenKind.BlockEnd);
        int loops = _loops;
        _loops = 0;
        Statement body = ParseBody("endmacro");
        _loops = loops;
        ExpectEnd("endmacro");
        return (scope, _) =>
        {
            scope.Set(name, (TemplateFunction)((arguments, named) =>
            {
                TemplateScope inner = new(scope);
                for (int i = 0; i < parameters.Count; i++)
                {
                    (string parameter, Expression? otherwise) = parameters[i];
                    inner.Set(parameter, i < arguments.Count ? arguments[i] : named.TryGetValue(parameter, out object? value) ? value : otherwise?.Invoke(inner) ?? (otherwise is null ? new Undefined(parameter) : null));
                }

                return inner.Render(body);
            }));
            return LoopExit.None;
        };
    }

    private string[] ParseNames()
    {
        bool isOpen = TryOperator("(");
        List<string> names = [Expect(TokenKind.Name).Text];
        while (TryOperator(","))
        {
            if (Current.Kind != TokenKind.Name || Current.Text == "in")
            {
                break;
            }

            names.Add(Next().Text);
        }

        if (isOpen)
        {
            ExpectOperator(")");
        }

        return [.. names];
    }

    private static void Unpack(TemplateScope scope, string[] names, object? value)
    {
        if (names.Length == 1)
        {
            scope.Set(names[0], value);
            return;
        }

        object?[] parts = [.. TemplateValues.Iterate(value)];
        if (parts.Length != names.Length)
        {
            throw new ChatTemplateException($"The chat template takes {names.Length} values ({string.Join(", ", names)}) of a list of {parts.Length}.");
        }

        for (int i = 0; i < names.Length; i++)
        {
            scope.Set(names[i], parts[i]);
        }
    }

    // Values with commas between them are a list.
    private Expression ParseTuple(bool withCondition = true)
    {
        Expression first = withCondition ? ParseExpression() : ParseOr();
        if (Current is not { Kind: TokenKind.Operator, Text: "," })
        {
            return first;
        }

        List<Expression> parts = [first];
        while (TryOperator(","))
        {
            if (Current.Kind is TokenKind.BlockEnd or TokenKind.VariableEnd || Current is { Kind: TokenKind.Operator, Text: ")" or "=" })
            {
                break;
            }

            parts.Add(withCondition ? ParseExpression() : ParseOr());
        }

        return scope => new TemplateTuple(parts.Select(part => part(scope)));
    }

    private Expression ParseExpression()
    {
        Enter();
        Expression value = ParseOr();
        while (TryWord("if"))
        {
            Expression then = value;
            Expression condition = ParseOr();
            Expression? otherwise = TryWord("else") ? ParseExpression() : null;
            value = scope => TemplateValues.IsTrue(condition(scope)) ? then(scope) : otherwise is null ? new Undefined("else") : otherwise(scope);
        }

        _depth--;
        return value;
    }

    private Expression ParseOr()
    {
        Expression value = ParseAnd();
        while (TryWord("or"))
        {
            (Expression left, Expression right) = (value, ParseAnd());
            value = scope => left(scope) is var first && TemplateValues.IsTrue(first) ? first : right(scope);
        }

        return value;
    }

    private Expression ParseAnd()
    {
        Expression value = ParseNot();
        while (TryWord("and"))
        {
            (Expression left, Expression right) = (value, ParseNot());
            value = scope => left(scope) is var first && !TemplateValues.IsTrue(first) ? first : right(scope);
        }

        return value;
    }

    private Expression ParseNot()
    {
        if (!TryWord("not"))
        {
            return ParseComparison();
        }

        Enter();
        Expression value = ParseNot();
        _depth--;
        return scope => !TemplateValues.IsTrue(value(scope));
    }

    private Expression ParseComparison()
    {
        Expression first = ParseSum();
        List<(string Sign, Expression Value)> rest = [];
        while (true)
        {
            if (Current.Kind == TokenKind.Operator && Current.Text is "==" or "!=" or "<" or "<=" or ">" or ">=")
            {
                string sign = Next().Text;
                rest.Add((sign, ParseSum()));
            }
            else if (TryWord("in"))
            {
                rest.Add(("in", ParseSum()));
            }
            else if (Current is { Kind: TokenKind.Name, Text: "not" } && _tokens[_position + 1] is { Kind: TokenKind.Name, Text: "in" })
            {
                _position += 2;
                rest.Add(("not in", ParseSum()));
            }
            else
            {
                break;
            }
        }

        if (rest.Count == 0)
        {
            return first;
        }

        // a < b < c is a < b and b < c.
        return scope =>
        {
            object? left = first(scope);
            foreach ((string sign, Expression value) in rest)
            {
                object? right = value(scope);
                bool holds = sign switch
                {
                    "==" => TemplateValues.AreEqual(left, right),
                    "!=" => !TemplateValues.AreEqual(left, right),
                    "<" => TemplateValues.Compare(left, right) < 0,
                    "<=" => TemplateValues.Compare(left, right) <= 0,
                    ">" => TemplateValues.Compare(left, right) > 0,
                    ">=" => TemplateValues.Compare(left, right) >= 0,
                    "in" => TemplateValues.Contains(right, left),
                    _ => !TemplateValues.Contains(right, left),
                };
                if (!holds)
                {
                    return false;
                }

                left = right;
            }

            return true;
        };
    }

    private Expression ParseSum()
    {
        Expression value = ParseConcatenation();
        while (Current is { Kind: TokenKind.Operator, Text: "+" or "-" })
        {
            string sign = Next().Text;
            (Expression left, Expression right) = (value, ParseConcatenation());
            value = sign == "+" ? scope => TemplateValues.Add(left(scope), right(scope)) : scope => TemplateValues.Calculate(sign, left(scope), right(scope));
        }

        return value;
    }

    private Expression ParseConcatenation()
    {
        Expression value = ParseProduct();
        while (TryOperator("~"))
        {
            (Expression left, Expression right) = (value, ParseProduct());
            value = scope => TemplateValues.Text(left(scope)) + TemplateValues.Text(right(scope));
        }

        return value;
    }

    private Expression ParseProduct()
    {
        Expression value = ParsePower();
        while (Current is { Kind: TokenKind.Operator, Text: "*" or "/" or "//" or "%" })
        {
            string sign = Next().Text;
            (Expression left, Expression right) = (value, ParsePower());
            value = sign == "*" ? scope => TemplateValues.Multiply(left(scope), right(scope)) : scope => TemplateValues.Calculate(sign, left(scope), right(scope));
        }

        return value;
    }

    private Expression ParsePower()
    {
        Expression value = ParseUnary(withFilters: true);
        while (TryOperator("**"))
        {
            (Expression left, Expression right) = (value, ParseUnary(withFilters: true));
            value = scope => TemplateValues.Calculate("**", left(scope), right(scope));
        }

        return value;
    }

    private Expression ParseUnary(bool withFilters)
    {
        Enter();
        Expression value;
        if (Current is { Kind: TokenKind.Operator, Text: "-" or "+" })
        {
            bool isNegative = Next().Text == "-";
            Expression inner = ParseUnary(withFilters: false);
            value = isNegative ? scope => TemplateValues.Negate(inner(scope)) : inner;
        }
        else
        {
            value = ParsePrimary();
        }

        value = ParsePostfix(value);
        value = withFilters ? ParseFiltersAndTests(value) : value;
        _depth--;
        return value;
    }

    private Expression ParsePrimary()
    {
        TemplateToken token = Next();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => _ => true,
                    "false" or "False" => _ => false,
                    "none" or "None" => _ => null,
                    var name => scope => scope.Get(name),
                };
            case TokenKind.String:
                string text = token.Text;
                while (Current.Kind == TokenKind.String)
                {
                    text += Next().Text;
                }

                return _ => text;
            case TokenKind.Integer:
                long whole = long.TryParse(token.Text.Replace("_", "", StringComparison.Ordinal), NumberStyles.None, CultureInfo.InvariantCulture, out long value)
                    ? value : throw TemplateSyntax.Error(token.Line, $"{token.Text} is too large");
                return _ => whole;
            case TokenKind.Float:
                double number = double.Parse(token.Text.Replace("_", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
                return _ => number;
            case TokenKind.Operator when token.Text == "(":
                if (TryOperator(")"))
                {
                    return _ => new TemplateTuple([]);
                }

                Expression inner = ParseTuple();
                ExpectOperator(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                List<Expression> elements = [];
                while (!TryOperator("]"))
                {
                    elements.Add(ParseExpression());
                    if (!TryOperator(","))
                    {
                        ExpectOperator("]");
                        break;
                    }
                }

                return scope => new List<object?>(elements.Select(element => element(scope)));
            case TokenKind.Operator when token.Text == "{":
                return ParseMap();
            default:
                _position--;
                throw Unexpected();
        }
    }

    private Expression ParseMap()
    {
        List<(Expression Key, Expression Value)> entries = [];
        while (!TryOperator("}"))
        {
            Expression key = ParseExpression();
            ExpectOperator(":");
            entries.Add((key, ParseExpression()));
            if (!TryOperator(","))
            {
                ExpectOperator("}");
                break;
            }
        }

        return scope =>
        {
            TemplateMap map = new();
            foreach ((Expression key, Expression value) in entries)
            {
                map[TemplateValues.Text(key(scope))] = value(scope);
            }

            return map;
        };
    }

    private Expression ParsePostfix(Expression value)
    {
        while (true)
        {
            Expression of = value;
            if (TryOperator("."))
            {
                TemplateToken name = Next();
                value = name.Kind switch
                {
                    TokenKind.Name => scope => TemplateValues.Attribute(of(scope), name.Text),
                    TokenKind.Integer => scope => TemplateValues.Item(of(scope), long.Parse(name.Text, CultureInfo.InvariantCulture)),
                    _ => throw TemplateSyntax.Error(name.Line, $"'{name.Text}' behind a point"),
                };
            }
            else if (TryOperator("["))
            {
                value = ParseSubscript(of);
            }
            else if (TryOperator("("))
            {
                value = ParseCall(of);
            }
            else
            {
                return value;
            }
        }
    }

    private Expression ParseSubscript(Expression of)
    {
        Expression? start = Current is { Kind: TokenKind.Operator, Text: ":" } ? null : ParseExpression();
        if (TryOperator("]"))
        {
            return scope => TemplateValues.Item(of(scope), start!(scope));
        }

        ExpectOperator(":");
        Expression? stop = Current is { Kind: TokenKind.Operator, Text: ":" or "]" } ? null : ParseExpression();
        Expression? step = TryOperator(":") && Current is not { Kind: TokenKind.Operator, Text: "]" } ? ParseExpression() : null;
        ExpectOperator("]");
        return scope => TemplateValues.Slice(of(scope), start?.Invoke(scope), stop?.Invoke(scope), step?.Invoke(scope));
    }

    private Expression ParseCall(Expression of)
    {
        int line = Current.Line;
        Func<TemplateScope, (List<object?> Arguments, Dictionary<string, object?> Named)> arguments = ParseArguments();
        return scope =>
        {
            object? function = of(scope);
            (List<object?> values, Dictionary<string, object?> named) = arguments(scope);
            return function is TemplateFunction callable
                ? callable(values, named)
                : throw new ChatTemplateException($"The chat template calls {TemplateValues.TypeName(function)} in line {line}.");
        };
    }

    // Behind the opening parenthesis.
    private Func<TemplateScope, (List<object?> Arguments, Dictionary<string, object?> Named)> ParseArguments()
    {
        List<Expression> arguments = [];
        List<(string Name, Expression Value)> named = [];
        while (!TryOperator(")"))
        {
            if (Current.Kind == TokenKind.Name && _tokens[_position + 1] is { Kind: TokenKind.Operator, Text: "=" })
            {
                string name = Next().Text;
                Next();
                named.Add((name, ParseExpression()));
            }
            else
            {
                arguments.Add(ParseExpression());
            }

            if (!TryOperator(","))
            {
                ExpectOperator(")");
                break;
            }
        }

        return scope => (
            [.. arguments.Select(argument => argument(scope))],
            named.ToDictionary(argument => argument.Name, argument => argument.Value(scope), StringComparer.Ordinal));
    }

    private Expression ParseFiltersAndTests(Expression value)
    {
        while (true)
        {
            Expression of = value;
            if (Current is { Kind: TokenKind.Operator, Text: "|" })
            {
                Func<TemplateScope, object?, object?> filter = ParseFilters(most: 1);
                value = scope => filter(scope, of(scope));
            }
            else if (TryWord("is"))
            {
                value = ParseTest(of);
            }
            else if (TryOperator("("))
            {
                value = ParseCall(of);
            }
            else
            {
                return value;
            }
        }
    }

    private Func<TemplateScope, object?, object?> ParseFilters(int most = int.MaxValue)
    {
        List<Func<TemplateScope, object?, object?>> filters = [];
        while (filters.Count < most && TryOperator("|"))
        {
            TemplateToken name = Expect(TokenKind.Name);
            Func<TemplateScope, (List<object?> Arguments, Dictionary<string, object?> Named)>? arguments = TryOperator("(") ? ParseArguments() : null;
            TemplateFilter filter = TemplateFilters.Find(name.Text) ?? throw TemplateSyntax.Error(name.Line, $"the filter '{name.Text}' is not known, or not supported");
            filters.Add((scope, value) =>
            {
                (List<object?> values, Dictionary<string, object?> named) = arguments?.Invoke(scope) ?? ([], []);
                return filter(value, new CallArguments(name.Text, values, named));
            });
        }

        return (scope, value) => filters.Aggregate(value, (current, filter) => filter(scope, current));
    }

    private Expression ParseTest(Expression of)
    {
        bool isNegated = TryWord("not");
        TemplateToken name = Expect(TokenKind.Name);
        Func<TemplateScope, (List<object?> Arguments, Dictionary<string, object?> Named)>? arguments = null;
        if (TryOperator("("))
        {
            arguments = ParseArguments();
        }
        else if ((Current.Kind is TokenKind.String or TokenKind.Integer or TokenKind.Float || Current is { Kind: TokenKind.Name, Text: not ("else" or "or" or "and" or "is" or "if" or "in" or "not") } ||
            Current is { Kind: TokenKind.Operator, Text: "[" or "{" }) && TemplateTests.TakesArgument(name.Text))
        {
            Expression argument = ParsePostfix(ParsePrimary());
            arguments = scope => ([argument(scope)], []);
        }

        Func<object?, CallArguments, bool> test = TemplateTests.Find(name.Text) ?? throw TemplateSyntax.Error(name.Line, $"the test '{name.Text}' is not known, or not supported");
        return scope =>
        {
            (List<object?> values, Dictionary<string, object?> named) = arguments?.Invoke(scope) ?? ([], []);
            return test(of(scope), new CallArguments(name.Text, values, named)) != isNegated;
        };
    }

    private void ExpectEnd(string word)
    {
        Expect(TokenKind.BlockBegin);
        ExpectWord(word);

        // A name may stand behind it, as in endmacro.
        if (Current.Kind == TokenKind.Name)
        {
            Next();
        }

        Expect(TokenKind.BlockEnd);
    }

    private TemplateToken Next() => Current.Kind == TokenKind.End ? throw Unexpected() : _tokens[_position++];

    private TemplateToken Expect(TokenKind kind) => Current.Kind == kind ? _tokens[_position++] : throw Unexpected();

    private void ExpectWord(string word)
    {
        if (!TryWord(word))
        {
            throw Unexpected($"'{word}' is missing");
        }
    }

    private void ExpectOperator(string sign)
    {
        if (!TryOperator(sign))
        {
            throw Unexpected($"'{sign}' is missing");
        }
    }

    private bool TryWord(string word) => Try(TokenKind.Name, word);

    private bool TryOperator(string sign) => Try(TokenKind.Operator, sign);

    private bool Try(TokenKind kind, string text)
    {
        if (Current.Kind != kind || Current.Text != text)
        {
            return false;
        }

        _position++;
        return true;
    }

    private void Enter()
    {
        if (++_depth > MostDepth)
        {
            throw TemplateSyntax.Error(Current.Line, "too many levels");
        }
    }

    private FormatException Unexpected(string? message = null) => TemplateSyntax.Error(
        Current.Line, $"{message ?? "something else was expected"}, found {(Current.Kind == TokenKind.End ? "the end" : $"'{Current.Text}'")}");
}
