using OnnxStream.Interop.Language.Sampling;

namespace OnnxStream.Interop.Language.Tests.Sampling;

/// <summary>Guesses are what followed the same tokens last.</summary>
public class PromptLookupTests
{
    [Test]
    public void TheLongestMatchCountsThenTheLastOne()
    {
        Assert.That(PromptLookup.Guess([1, 2, 3, 4, 5, 1, 2, 3], 3).ToArray(), Is.EqualTo(new[] { 4, 5, 1 }));
        Assert.That(PromptLookup.Guess([9, 3, 7, 8, 3, 6, 2, 3], 2).ToArray(), Is.EqualTo(new[] { 6, 2 }));
        Assert.That(PromptLookup.Guess([1, 2, 3, 4, 9, 2, 3, 5, 1, 2, 3], 1).ToArray(), Is.EqualTo(new[] { 4 }));
        Assert.That(PromptLookup.Guess([1, 2, 3], 4).ToArray(), Is.Empty);
        Assert.That(PromptLookup.Guess([7, 7], 4).ToArray(), Is.EqualTo(new[] { 7 }));
        Assert.That(PromptLookup.Guess([7], 4).ToArray(), Is.Empty);
    }
}
