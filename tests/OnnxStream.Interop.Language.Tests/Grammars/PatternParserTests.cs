using System.Text.RegularExpressions;
using OnnxStream.Interop.Language.Grammars;

namespace OnnxStream.Interop.Language.Tests.Grammars;

/// <summary>Patterns find what .NET's regular expressions find, in texts that are near to what they are about.</summary>
public class PatternParserTests
{
    private static readonly string[] s_patterns =
    [
        "", "a", "^a$", "^ab*c+d?$", "^(?:a|bc)$", "^a|b$", "b", "^[a-c]{2,3}$", "^[^a-c]$", @"^\d{2}-\w+$", @"^\s\S$", @"^\D\W$", "^a.c$", @"^\x41\u0042$", "^(a(b|c)){2}$", "^(?<name>a)b{1,}$",
        "^a{0}b$", @"^[\d\-x]+$", @"^[-a]+$", "^a*?b$", @"^-?(?:0|[1-9]\d*)$", @"^\.\*\/$", "^$", "^(|a)b$", @"^[\]\\]$",
    ];

    private static readonly string[] s_texts =
    [
        "", "a", "b", "c", "d", "ab", "abc", "abbcd", "accd", "bc", "aa", "abab", "acab", "acac", "axc", "a\nc", "AB", "12-ab", "1-a", "-5", "0", "01", "10", "x-1", " x", "\tb", "x.", ".*/", "]", "\\", "abb", "b ", "xbx", "aab", "-a-", "ccc", "cccc", "é", "é-",
    ];

    [TestCaseSource(nameof(s_patterns))]
    public void APatternFindsWhatRegularExpressionsFind(string pattern)
    {
        Regex expected = new(pattern, RegexOptions.ECMAScript);
        Dictionary<string, GrammarExpression> rules = new() { ["root"] = PatternParser.Parse(pattern, set => new GrammarExpression.Characters(set)) };
        Grammar actual = new(AutomatonBuilder.Build(rules, "root"));
        foreach (string text in s_texts)
        {
            // .NET lets $ stand before a last line break, which JavaScript does not; no text here ends with one.
            Assert.That(actual.Matches(text), Is.EqualTo(expected.IsMatch(text)), text);
        }
    }

    [TestCase("(", "has no )")]
    [TestCase(")", "without its (")]
    [TestCase("[a", "has no ]")]
    [TestCase("a**", "needs parentheses")]
    [TestCase("*a", "nothing before *")]
    [TestCase("a{2,1}", "numbers of repetitions")]
    [TestCase("a{99999}", "at most 10,000")]
    [TestCase("(?=a)", "look ahead")]
    [TestCase("(?<!a)b", "look ahead")]
    [TestCase(@"(a)\1", @"\1 is not supported")]
    [TestCase(@"\bword\b", @"\b is not supported")]
    [TestCase(@"\p{L}", @"\p is not supported")]
    [TestCase("a$b", "$ is supported at the end only")]
    [TestCase("(^a)", "^ is supported at the beginning")]
    [TestCase("[b-a]", "the smaller one first")]
    [TestCase(@"\", @"nothing behind \")]
    public void WhatIsNotRegularIsRefused(string pattern, string message) =>
        Assert.That(() => PatternParser.Parse(pattern, set => new GrammarExpression.Characters(set)), Throws.TypeOf<GrammarException>().With.Message.Contains(message));
}
