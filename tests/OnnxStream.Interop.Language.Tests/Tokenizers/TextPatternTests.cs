using OnnxStream.Interop.Language.Tokenizers;

namespace OnnxStream.Interop.Language.Tests.Tokenizers;

/// <summary>Expressions of Oniguruma find what they find there.</summary>
public class TextPatternTests
{
    [TestCase(@"\p{L}+", "ab 𝐀𝐁c 1", "ab|𝐀𝐁c")]
    [TestCase(@"\p{N}", "1 𝟙²", "1|𝟙|²")]
    [TestCase(@"[^\s\p{L}\p{N}]+", "a 🙂👍🏽! 𐌰", "🙂👍🏽!")]
    [TestCase(@"\p{Lu}\p{Ll}+", "Ab 𐐀𐐨𐐩 aB", "Ab|𐐀𐐨𐐩")]
    [TestCase(@"a++b|x", "aab aaa x", "aab|x")]
    [TestCase(@"(?:ab)*+c", "ababc c", "ababc|c")]
    [TestCase(@"[a-c\]]?+x", "ax ]x x", "ax|]x|x")]
    [TestCase(@"\d{2}+y", "1234y 12y 1y", "1234y|12y")]
    [TestCase(@"\p{L}++\s?", "ab c", "ab |c")]
    public void PlacesAreThoseOfOniguruma(string expression, string text, string expected) =>
        Assert.That(string.Join('|', TextPattern.FromExpression(expression).FindAll(text).Select(place => text[place])), Is.EqualTo(expected));
}
