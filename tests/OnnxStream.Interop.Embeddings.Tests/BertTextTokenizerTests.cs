using System.Text.Json;

namespace OnnxStream.Interop.Embeddings.Tests;

public class BertTextTokenizerTests
{
    private static readonly string[] s_small = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##b", "ab", "E", "é"];

    [Test]
    public void IdsAreThoseOfAnIndependentProgram()
    {
        BertTextTokenizer tokenizer = new([.. File.ReadLines(Path.Combine(EmbeddingModels.MiniLm, "vocab.txt"))], null, "vocab.txt");
        using JsonDocument reference = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "tokens.json")));
        int count = 0;
        using (Assert.EnterMultipleScope())
        {
            foreach (JsonElement item in reference.RootElement.EnumerateArray())
            {
                string text = item.GetProperty("text").GetString()!;
                int[] expected = [.. item.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
                Assert.That(tokenizer.Encode(text, int.MaxValue, out bool isTruncated), Is.EqualTo(expected), text);
                Assert.That(isTruncated, Is.False);
                count++;
            }
        }

        Assert.That(count, Is.GreaterThan(190));
    }

    [Test]
    public void WhatDoesNotFitIsLeftOut()
    {
        BertTextTokenizer tokenizer = new(s_small, isUncased: false, "vocab.txt");
        Assert.That(tokenizer.Encode("a b a", 5, out bool isTruncated), Is.EqualTo([2, 5, 6, 5, 3]));
        Assert.That(isTruncated, Is.False);
        Assert.That(tokenizer.Encode("a b a", 4, out isTruncated), Is.EqualTo([2, 5, 6, 3]));
        Assert.That(isTruncated, Is.True);
        Assert.That(tokenizer.Encode("a b a", 2, out isTruncated), Is.EqualTo([2, 3]));
        Assert.That(isTruncated, Is.True);
        Assert.That(tokenizer.Encode("", 2, out isTruncated), Is.EqualTo([2, 3]));
        Assert.That(isTruncated, Is.False);
    }

    [Test]
    public void SpecialTokensInATextAreThemselves()
    {
        BertTextTokenizer tokenizer = new(s_small, isUncased: false, "vocab.txt");
        Assert.That(tokenizer.Encode("a[MASK]bb [SEP][x]", 20, out _), Is.EqualTo([2, 5, 4, 6, 7, 3, 1, 1, 1, 3]));
    }

    [Test]
    public void CapitalsInTheVocabularySayThatCaseMatters()
    {
        Assert.That(new BertTextTokenizer(s_small, null, "vocab.txt").Encode("E é", 9, out _), Is.EqualTo([2, 9, 10, 3]));
        Assert.That(new BertTextTokenizer([.. s_small.Where(token => token != "E"), "e"], null, "vocab.txt").Encode("E é", 9, out _), Is.EqualTo([2, 10, 10, 3]));
    }

    [Test]
    public void AVocabularyWithoutSpecialTokensIsRefused() =>
        Assert.That(() => new BertTextTokenizer(["hello", "world"], null, "some/vocab.txt"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("some/vocab.txt").And.Message.Contains("[UNK] is missing"));
}
