using OnnxStream.Interop.Language.Grammars;

namespace OnnxStream.Interop.Language.Tests.Grammars;

/// <summary>Grammars are read as llama.cpp's description of GBNF says, and refused with the place where they are wrong.</summary>
public class GbnfParserTests
{
    // The examples of the description, and what texts they have.
    private static readonly object[] s_grammars =
    [
        new object[] { "root ::= \"yes\" | \"no\"", new[] { "yes", "no" }, new[] { "", "y", "yesno", "Yes" } },
        new object[] { "root ::= [a-c]+ \"-\"? [^0-9\\n]{2}", new[] { "abcxy", "a-é☃" }, new[] { "a-1x", "abc\n", "d--", "axyz1" } },
        new object[] { "root ::= ( # a comment\n  \"a\"\n  | \"b\"\n)* end\nend ::= \".\" # last\n", new[] { ".", "ab.", "bbba." }, new[] { "ab", "c.", ".." } },
        new object[] { "root ::= \"\\x41\\u00e9\\U0001F600\\\\\\\"\\n\\t\\r\\[\\]\"", new[] { "Aé😀\\\"\n\t\r[]" }, new[] { "A" } },
        new object[] { "root ::= item{2} | item{3,} \"!\" | \"<\" item{0,2} \">\" | \"=\" item{,1}\r\nitem ::= \"x\" | \"yy\"", new[] { "xx", "xyy", "xxx!", "yyyyyyx!", "<>", "<xx>", "=", "=yy" }, new[] { "x", "xxx", "xx!", "<xxx>", "=xx" } },
        new object[] { "root ::=\n  one |\n  two\none ::= .\n  | \"ab\"\ntwo ::= [\\]\\-a] [a-] [\\x00-\\x1F]", new[] { "☃", "ab", "]-\n", "-a\u0001" }, new[] { "]b\n", "", "abc" } },
        new object[] { "root ::= term (\"+\" term)*\nterm ::= num | \"(\" root \")\"\nnum ::= [1-9] [0-9]*", new[] { "1", "1+20", "((1+2)+(3))" }, new[] { "01", "1+", "(1", "1)" } },
        new object[] { "root ::= \"\" | a\na ::= \"a\" a | \"\"", new[] { "", "a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }, new[] { "b", "ab" } },
    ];

    [TestCaseSource(nameof(s_grammars))]
    public void TextsAreThoseThatTheGrammarDescribes(string text, string[] good, string[] bad)
    {
        Grammar grammar = Grammar.FromGbnf(text);
        using (Assert.EnterMultipleScope())
        {
            Array.ForEach(good, answer => Assert.That(grammar.Matches(answer), Is.True, answer));
            Array.ForEach(bad, answer => Assert.That(grammar.Matches(answer), Is.False, answer));
        }
    }

    [TestCase("", "no rule 'root'")]
    [TestCase("top ::= \"a\"", "no rule 'root'")]
    [TestCase("root ::= thing", "line 1, column 10: There is no rule 'thing'")]
    [TestCase("root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: The rule 'root' is there twice")]
    [TestCase("root ::= \"a", "line 1, column 12: Expected \" before the line ends")]
    [TestCase("root ::= [a", "Expected ] before the line ends")]
    [TestCase("root ::= [z-a]", "ends before it begins")]
    [TestCase("root ::= (\"a\"", "Expected ) for the ( in line 1, column 10")]
    [TestCase("root ::= \"a\")", "line 1, column 13: Expected the name of a rule")]
    [TestCase("root = \"a\"", "Expected ::= behind the name 'root'")]
    [TestCase("root ::= a b ::= \"b\"", "A rule ends with its line")]
    [TestCase("root ::= \"a\"{3,2}", "end before they begin")]
    [TestCase("root ::= \"a\"{100001}", "at most 100,000 repetitions")]
    [TestCase("root ::= \"a\"{x}", "Expected a number of repetitions")]
    [TestCase("root ::= \"\\q\"", "\\q is not supported")]
    [TestCase("root ::= \"\\uD800\"", "Expected 4 hexadecimal digits of a character")]
    [TestCase("root ::= <think> \"a\"", "Tokens in angle brackets are not supported")]
    [TestCase("root ::= root \"a\" | \"a\"", "The rule 'root' begins with itself")]
    [TestCase("root ::= \"a\" b\nb ::= c? d\nc ::= \"c\"\nd ::= c? b \"d\" | \"\"", "begins with itself")]
    [TestCase("root ::= \"a\" root", "No text fits")]
    public void WhatIsWrongIsSaidWithItsPlace(string text, string message) =>
        Assert.That(() => Grammar.FromGbnf(text), Throws.TypeOf<GrammarException>().With.Message.Contains(message));

    [Test]
    public void AGrammarThatIsTooLargeIsRefused()
    {
        Assert.That(() => Grammar.FromGbnf(new string(' ', Grammar.MostCharacters + 1)), Throws.TypeOf<GrammarException>().With.Message.Contains("characters"));
        Assert.That(() => Grammar.FromGbnf($"root ::= {new string('(', 5000)}\"a\"{new string(')', 5000)}"), Throws.TypeOf<GrammarException>().With.Message.Contains("parentheses"));
        Assert.That(() => Grammar.FromGbnf("root ::= ((\"a\" | \"b\"){90000} \"c\"){90000} a{90000} a{90000}\na ::= b{90000} b{90000} b{90000} b{90000} b{90000} b{90000} b{90000} b{90000} b{90000}\nb ::= \"xy\"{90000} (\"a\"{90000}){2} \"b\"{90000} [a-d]{90000} [x]{90000} [y]{90000} [z]{90000} [u]{90000} [v]{90000} [w]{90000} [p]{90000}"), Throws.TypeOf<GrammarException>().With.Message.Contains("too large"));
    }

    [Test]
    public void ATextThatCanBeReadInTooManyWaysIsRefused()
    {
        // Each a may be one of two rules that leave different things to come back to.
        Grammar grammar = Grammar.FromGbnf("root ::= one | two\none ::= \"a\" root \"x\" | \"b\"\ntwo ::= \"a\" root \"y\" | \"c\"");
        Assert.That(() => grammar.Matches(new string('a', 40)), Throws.TypeOf<GrammarException>().With.Message.Contains("ways"));
        Assert.That(grammar.Matches("aabxy"), Is.True);
    }

    [Test]
    public void MutatedGrammarsAreReadOrRefused()
    {
        string[] seeds = [.. s_grammars.Select(entry => (string)((object[])entry)[0])];
        const string Signs = "\"[]()|*+?{},:=.^-\\ \nax019#\uD83D";
        Random random = new(3);
        int read = 0;
        for (int i = 0; i < 3000; i++)
        {
            char[] text = seeds[i % seeds.Length].ToCharArray();
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                text[random.Next(text.Length)] = Signs[random.Next(Signs.Length)];
            }

            try
            {
                _ = Grammar.FromGbnf(new string(text)).Matches("ab");
                read++;
            }
            catch (GrammarException)
            {
            }
        }

        Assert.That(read, Is.InRange(100, 2900));
    }
}
