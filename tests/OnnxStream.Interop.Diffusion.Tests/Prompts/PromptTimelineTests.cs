using OnnxStream.Interop.Diffusion.Prompts;

namespace OnnxStream.Interop.Diffusion.Tests.Prompts;

public class PromptTimelineTests
{
    // The examples of AUTOMATIC1111's own tests, with 10 steps, and more.
    [TestCase("test", "10 test")]
    [TestCase("a [b:3]", "3 a |10 a b")]
    [TestCase("a [b: 3]", "3 a |10 a b")]
    [TestCase("a [[[b]]:2]", "2 a |10 a [[b]]")]
    [TestCase("[(a:2):3]", "3 |10 (a:2)")]
    [TestCase("a [b : c : 1] d", "1 a b  d|10 a  c  d")]
    [TestCase("a[b:[c:d:2]:1]e", "1 abe|2 ace|10 ade")]
    [TestCase("a [unbalanced", "10 a [unbalanced")]
    [TestCase("a [b:.5] c", "5 a  c|10 a b c")]
    [TestCase("a [{b|d{:.5] c", "5 a  c|10 a {b|d{ c")]
    [TestCase("((a][:b:c [d:3]", "3 ((a][:b:c |10 ((a][:b:c d")]
    [TestCase("[a::4]b", "4 ab|10 b")]
    [TestCase("[a:b:0.5]", "5 a|10 b")]
    [TestCase("[fe|]male", "1 female|2 male|3 female|4 male|5 female|6 male|7 female|8 male|9 female|10 male")]
    [TestCase("x [a|b|c]", "1 x a|2 x b|3 x c|4 x a|5 x b|6 x c|7 x a|8 x b|9 x c|10 x a")]
    [TestCase("\\[a:b:3\\]", "10 \\[a:b:3\\]")]
    [TestCase("[word]", "10 [word]")]
    [TestCase("[a:b:c]", "10 [a:b:c]")]
    public void Read_GivesEachTextWithItsLastStep(string prompt, string expected)
    {
        string actual = string.Join('|', PromptTimeline.Read(prompt, 10).Select(item => $"{item.LastStep} {item.Text}"));
        Assert.That(actual, Is.EqualTo(expected));
    }

    [TestCase("sv-SE")]
    [TestCase("fa-IR")]
    public void Read_IsTheSameUnderEveryCulture(string culture) =>
        Assert.That(TestCulture.Under(culture, () => PromptTimeline.Read("[a:b:0.5]", 4)), Is.EqualTo(new[] { (2, "a"), (4, "b") }));

    [Test]
    public void Read_BearsManyBrackets() =>
        Assert.That(PromptTimeline.Read(new string('[', 3000) + "a" + new string(']', 3000), 1), Has.Count.EqualTo(1));
}
