using OnnxStream.Interop.Language.Sampling;

namespace OnnxStream.Interop.Language.Tests.Sampling;

/// <summary>Stop strings are found wherever the borders of tokens are, and nothing of them is shown.</summary>
public class StopStringsTests
{
    [Test]
    public void AllDivisionsOfATextGiveTheSame([Values("one two STOP three", "one ST two", "SSTOP", "STO", "", "ab\n\nUser: x", "ab\n\n\nUser:")] string text, [Values(1, 2, 3, 5, 100)] int length)
    {
        string[] stops = ["STOP", "\n\nUser:"];
        StopStrings found = new(stops);
        string shown = "";
        for (int i = 0; i < text.Length; i += length)
        {
            shown += found.Add(text.Substring(i, Math.Min(length, text.Length - i)));
        }

        shown += found.Flush();
        int first = stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(place => place >= 0).DefaultIfEmpty(-1).Min();
        Assert.That(shown, Is.EqualTo(first < 0 ? text : text[..first]));
        Assert.That(found.IsFound, Is.EqualTo(first >= 0));
    }

    [Test]
    public void TextIsShownAsSoonAsItIsCertain()
    {
        StopStrings found = new(["END"]);
        Assert.That(found.Add("a"), Is.EqualTo("a"));
        Assert.That(found.Add("bE"), Is.EqualTo("b"));
        Assert.That(found.Add("N"), Is.Empty);
        Assert.That(found.Add("x"), Is.EqualTo("ENx"));
    }
}
