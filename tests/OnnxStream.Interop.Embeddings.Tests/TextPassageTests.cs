namespace OnnxStream.Interop.Embeddings.Tests;

public class TextPassageTests
{
    [Test]
    public void ParagraphsAreDividedAndShortOnesJoined()
    {
        string text = "Heading\n\none two three four\nfive six\n\n\nseven eight nine ten eleven twelve thirteen\n";
        IReadOnlyList<TextPassage> passages = TextPassage.Split("a.txt", text, mostWords: 8);
        Assert.That(passages, Is.EqualTo((TextPassage[])
        [
            new("a.txt", 1, "Heading one two three four five six"),
            new("a.txt", 7, "seven eight nine ten eleven twelve thirteen"),
        ]));
    }

    [Test]
    public void ALongLineIsCut()
    {
        IReadOnlyList<TextPassage> passages = TextPassage.Split("a", string.Join(' ', Enumerable.Range(0, 10)), mostWords: 4);
        Assert.That(passages.Select(passage => passage.Text), Is.EqualTo((string[])["0 1 2 3", "4 5 6 7", "8 9"]));
        Assert.That(passages.Select(passage => passage.Line), Is.All.EqualTo(1));
    }

    [Test]
    public void NothingHasNoPassages() => Assert.That(TextPassage.Split("a", " \n\t\r\n "), Is.Empty);
}
