using System.Text.Encodings.Web;
using System.Text.Json;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion.Tests;

public class ClipTokenizerTests
{
    private static readonly JsonSerializerOptions Unescaped = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Test]
    public void Encode_GivesTheGoldenIds()
    {
        ClipTokenizer tokenizer = new(TokenizerConfiguration.FromFolder(Path.Combine(TinyShapesModel.Folder, "tokenizer")) with { ContextLength = 16 });
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.Encode(""), Is.EqualTo(TinyShapesModel.Golden("empty_input_ids").Span<long>().ToArray()));
            for (int i = 0; i < TinyShapesModel.Prompts.Length; i++)
            {
                Assert.That(tokenizer.Encode(TinyShapesModel.Prompts[i]), Is.EqualTo(TinyShapesModel.GoldenIds(i)), TinyShapesModel.Prompts[i]);
            }
        });
    }

    [TestCase("a photo of a cat", new long[] { 49406, 320, 1125, 539, 320, 2368, 49407 })]
    [TestCase("a photo of a dog", new long[] { 49406, 320, 1125, 539, 320, 1929, 49407 })]
    [TestCase("  The CAT\n on the\tdog ", new long[] { 49406, 518, 2368, 525, 518, 1929, 49407 })]
    [TestCase("cat, dog!", new long[] { 49406, 2368, 267, 1929, 256, 49407 })]
    [TestCase("the cat's", new long[] { 49406, 518, 2368, 568, 49407 })]
    [TestCase("2 on 10", new long[] { 49406, 273, 525, 272, 271, 49407 })]
    public void Encode_GivesClipsIds(string text, long[] expected)
    {
        using TemporaryFolder folder = new();
        ClipTokenizer tokenizer = ExcerptOfClip(folder);
        long[] ids = tokenizer.Encode(text);
        Assert.Multiple(() =>
        {
            Assert.That(ids, Has.Length.EqualTo(77));
            Assert.That(ids[..expected.Length], Is.EqualTo(expected));
            Assert.That(ids[expected.Length..], Has.All.EqualTo(49407));
        });
    }

    [Test]
    public void Encode_CutsWhatDoesNotFit()
    {
        using TemporaryFolder folder = new();
        ClipTokenizer tokenizer = ExcerptOfClip(folder);
        long[] full = tokenizer.Encode(string.Concat(Enumerable.Repeat("cat ", 75)), out int droppedOfFull);
        long[] cut = tokenizer.Encode(string.Concat(Enumerable.Repeat("cat ", 80)) + "dog", out int dropped);
        Assert.Multiple(() =>
        {
            Assert.That(droppedOfFull, Is.Zero);
            Assert.That(dropped, Is.EqualTo(6));
            Assert.That(cut, Is.EqualTo(full));
            Assert.That(cut, Has.Length.EqualTo(77));
            Assert.That(cut[^1], Is.EqualTo(49407));
            Assert.That(cut[^2], Is.EqualTo(2368));
        });
    }

    [Test]
    public void Tokenize_TakesSpecialTokensLiterally()
    {
        using TemporaryFolder folder = new();
        ClipTokenizer tokenizer = ExcerptOfClip(folder);
        Assert.That(tokenizer.Tokenize("cat<|endoftext|> <|startoftext|>dog"), Is.EqualTo((int[])[2368, 49407, 49406, 1929]));
    }

    [Test]
    public void Tokenize_AgreesWithClipsRuleOnAnyText()
    {
        const string Corpus = "the café naïve résumé übergröße привет мир привет こんにちは 世界 世界 😀 😀😀 👍🏽 hello hello's don't we're they'll 123 42 ... !!! --- 𝒜𝒷𝒸 𠀀𠀁 नमस्ते";
        List<(string Left, string Right)> merges = NaiveBytePairTokenizer.Learn(Corpus, 120);
        Dictionary<string, int> vocabulary = NaiveBytePairTokenizer.VocabularyFor(merges);
        NaiveBytePairTokenizer naive = new(vocabulary, merges);
        using TemporaryFolder folder = new();
        ClipTokenizer tokenizer = Write(folder, vocabulary, merges);

        string[] pieces =
        [
            .. Corpus.Split(' '), .. Corpus.EnumerateRunes().Select(rune => rune.ToString()), " ", " ", "\t", "\u00A0", "\u3000", "'", "'S", "_", "<", "/w>", "</w>",
            "½", "²", "٣", "\u0301", "\u200D", "\0", "\u0001", "\u00AD", "\u007F", "Ġ", "É", "Σ", "ẞ", "𐐀", "\U000E0067",
        ];
        Random random = new(1);
        for (int i = 0; i < 5000; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => pieces[random.Next(pieces.Length)]));
            Assert.That(tokenizer.Tokenize(text), Is.EqualTo(naive.Tokenize(text)), text);
        }
    }

    [Test]
    public void Tokenize_LowersTheDottedCapitalIAsUnicodeSays()
    {
        using TemporaryFolder folder = new();
        ClipTokenizer tokenizer = ExcerptOfClip(folder);
        Assert.That(tokenizer.Tokenize("\u0130"), Is.EqualTo(tokenizer.Tokenize("i\u0307")));
    }

    [Test]
    public void Tokenize_ReplacesUnpairedSurrogates()
    {
        using TemporaryFolder folder = new();
        ClipTokenizer tokenizer = ExcerptOfClip(folder);
        Assert.That(tokenizer.Tokenize("\uD83D"), Is.EqualTo(tokenizer.Tokenize("\uFFFD")));
    }

    [Test]
    public void Tokenize_KeepsCaseIfToldSo()
    {
        using TemporaryFolder folder = new();
        _ = ExcerptOfClip(folder);
        ClipTokenizer tokenizer = new(TokenizerConfiguration.FromFolder(folder.FullPath) with { LowerCase = false });
        Assert.That(tokenizer.Tokenize("cAT cat"), Is.EqualTo((int[])[66, 32, 'T' - '!' + 256, 2368]));
    }

    [Test]
    public void OnnxStreamsLayout_GivesTheSameIds()
    {
        using TemporaryFolder folder = new();
        ClipTokenizer original = ExcerptOfClip(folder);
        Dictionary<string, int> vocabulary = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(folder.Combine("vocab.json")))!;
        string[] lines = [.. Enumerable.Range(0, 49408).Select(id => $"unused{id}")];
        foreach ((string token, int id) in vocabulary)
        {
            lines[id] = token;
        }

        using TemporaryFolder other = new();
        _ = other.Write("vocab.txt", string.Join('\n', lines) + "\n");
        _ = other.Write("merges.txt", string.Join("\r\n", File.ReadLines(folder.Combine("merges.txt")).Skip(1)));
        ClipTokenizer tokenizer = new(TokenizerConfiguration.FromFolder(other.FullPath));
        Assert.That(tokenizer.Encode("a photo of the cat's dog, 😀"), Is.EqualTo(original.Encode("a photo of the cat's dog, 😀")));
    }

    // Merges are texts in older files and pairs in newer ones.
    [TestCase(false)]
    [TestCase(true)]
    public void TokenizerJson_GivesTheSameIds(bool mergesArePairs)
    {
        using TemporaryFolder folder = new();
        ClipTokenizer original = ExcerptOfClip(folder);
        using TemporaryFolder other = new();
        WriteTokenizerJson(folder, other, mergesArePairs, """{ "type": "Sequence", "normalizers": [{ "type": "NFC" }, { "type": "Lowercase" }] }""");
        ClipTokenizer tokenizer = new(TokenizerConfiguration.FromFolder(other.FullPath));
        Assert.That(tokenizer.Encode("a Photo of the cat's dog, 😀"), Is.EqualTo(original.Encode("a photo of the cat's dog, 😀")));
        Assert.That((tokenizer.BeginId, tokenizer.EndId, tokenizer.PadId), Is.EqualTo((49406, 49407, 49407)));
    }

    [Test]
    public void TokenizerJson_KeepsCaseIfItSaysSo_AndGivesWayToOtherFiles()
    {
        using TemporaryFolder folder = new();
        _ = ExcerptOfClip(folder);
        using TemporaryFolder other = new();
        WriteTokenizerJson(folder, other, mergesArePairs: false, """{ "type": "NFC" }""");
        TokenizerConfiguration configuration = TokenizerConfiguration.FromFolder(other.FullPath);
        Assert.That(configuration.LowerCase, Is.False);
        _ = other.Write("tokenizer_config.json", """{ "model_max_length": 9, "do_lower_case": true, "pad_token": "!" }""");
        configuration = TokenizerConfiguration.FromFolder(other.FullPath);
        Assert.That((configuration.LowerCase, configuration.ContextLength, configuration.PadToken), Is.EqualTo((true, 9, "!")));
    }

    [TestCase("""{ "model": { "type": "Unigram", "vocab": [["a", 0.5]] } }""", "a byte-pair tokenizer")]
    [TestCase("""{ "model": { "type": "BPE", "vocab": { "a": 0 }, "merges": [3] } }""", "pairs of symbols, found 3")]
    [TestCase("""{ "model": { "type": "BPE", "vocab": { "a": 0 }, "merges": [["a"]] } }""", "pairs of symbols")]
    [TestCase("""{ "model": { "type": "BPE", "vocab": { "a": "b" }, "merges": [] } }""", "a whole number")]
    [TestCase("""{ "model": { "type": "BPE", "vocab": { "a": 0 } }, "added_tokens": [{ "content": "x" }] }""", "added_tokens")]
    [TestCase("""{ "model": { "type": "BPE", "vocab": { "a": 0 } }, "added_tokens": 7 }""", "should be a list")]
    [TestCase("""{ }""", "a byte-pair tokenizer")]
    public void TokenizerJson_IsRefusedWhereItIsNone(string json, string message)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("tokenizer.json", json);
        ModelFormatException exception = Assert.Throws<ModelFormatException>(() =>
        {
            // Merges are read after the vocabulary, which must be whole.
            TokenizerConfiguration configuration = TokenizerConfiguration.FromFolder(folder.FullPath);
            _ = TokenizerFile.Read(path, new PipelineFiles(null)).Merges().ToList();
            _ = new ClipTokenizer(configuration);
        })!;
        Assert.That(exception.Message, Does.StartWith(path).And.Contains(message));
    }

    private static void WriteTokenizerJson(TemporaryFolder source, TemporaryFolder target, bool mergesArePairs, string normalizer)
    {
        Dictionary<string, int> vocabulary = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllText(source.Combine("vocab.json")))!;
        _ = vocabulary.Remove("<|startoftext|>");
        _ = vocabulary.Remove("<|endoftext|>");
        object[] merges = [.. File.ReadLines(source.Combine("merges.txt")).Skip(1).Select(line => mergesArePairs ? (object)line.Split(' ') : line)];
        _ = target.Write("tokenizer.json", $$"""
            {
              "version": "1.0",
              "added_tokens": [{ "id": 49406, "content": "<|startoftext|>" }, { "id": 49407, "content": "<|endoftext|>" }],
              "normalizer": {{normalizer}},
              "post_processor": { "type": "RobertaProcessing", "sep": ["<|endoftext|>", 49407], "cls": ["<|startoftext|>", 49406] },
              "model": { "type": "BPE", "end_of_word_suffix": "</w>", "vocab": {{JsonSerializer.Serialize(vocabulary, Unescaped)}}, "merges": {{JsonSerializer.Serialize(merges, Unescaped)}} }
            }
            """);
    }

    [Test]
    public void Constructor_RefusesMergesOfAnotherVocabulary()
    {
        using TemporaryFolder folder = new();
        _ = ExcerptOfClip(folder);
        File.AppendAllText(folder.Combine("merges.txt"), "x y</w>\n");
        ModelFormatException exception = Assert.Throws<ModelFormatException>(() => _ = new ClipTokenizer(TokenizerConfiguration.FromFolder(folder.FullPath)))!;
        Assert.That(exception.Message, Does.Contain("merges.txt").And.Contains("line 15").And.Contains("\"xy</w>\""));
    }

    [Test]
    public void Constructor_RefusesALineThatIsNoPair()
    {
        using TemporaryFolder folder = new();
        _ = ExcerptOfClip(folder);
        File.AppendAllText(folder.Combine("merges.txt"), "c a t\n");
        ModelFormatException exception = Assert.Throws<ModelFormatException>(() => _ = new ClipTokenizer(TokenizerConfiguration.FromFolder(folder.FullPath)))!;
        Assert.That(exception.Message, Does.Contain("line 15").And.Contains("\"c a t\""));
    }

    [Test]
    public void Constructor_RefusesAVocabularyWithoutAllBytes()
    {
        using TemporaryFolder folder = new();
        _ = folder.Write("vocab.json", """{ "!": 0, "<|startoftext|>": 1, "<|endoftext|>": 2 }""");
        _ = folder.Write("merges.txt", "");
        Assert.That(
            () => _ = new ClipTokenizer(TokenizerConfiguration.FromFolder(folder.FullPath)),
            Throws.TypeOf<ModelFormatException>().With.Message.Contains("byte 0"));
    }

    [Test]
    public void Constructor_RefusesAVocabularyWithoutItsSpecialTokens()
    {
        using TemporaryFolder folder = new();
        _ = ExcerptOfClip(folder);
        Assert.That(
            () => _ = new ClipTokenizer(TokenizerConfiguration.FromFolder(folder.FullPath) with { EndToken = "</s>" }),
            Throws.TypeOf<ModelFormatException>().With.Message.Contains("</s>"));
    }

    [Test]
    public void Constructor_RefusesAnIdThatNoTokenHas()
    {
        using TemporaryFolder folder = new();
        _ = ExcerptOfClip(folder);
        Assert.That(
            () => _ = new ClipTokenizer(TokenizerConfiguration.FromFolder(folder.FullPath) with { PadId = 49408 }),
            Throws.TypeOf<ModelFormatException>().With.Message.Contains("49408"));
    }

    [TestCase("not json")]
    [TestCase("[1]")]
    [TestCase("""{ "a": "b" }""")]
    [TestCase("""{ "a": -1 }""")]
    public void Constructor_RefusesAVocabularyThatIsNone(string json)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("vocab.json", json);
        _ = folder.Write("merges.txt", "");
        ModelFormatException exception = Assert.Throws<ModelFormatException>(() => _ = new ClipTokenizer(TokenizerConfiguration.FromFolder(folder.FullPath)))!;
        Assert.That(exception.Path, Is.EqualTo(path));
    }

    // Found by mutated files: the tokenizer's library fails where two tokens have one id, or a merge stands there twice.
    [Test]
    public void Constructor_RefusesTwoTokensWithTheSameId()
    {
        using TemporaryFolder folder = new();
        _ = ExcerptOfClip(folder);
        string path = folder.Combine("vocab.json");
        _ = folder.Write("vocab.json", File.ReadAllText(path).Replace(":518", ":513", StringComparison.Ordinal));
        Assert.That(() => _ = new ClipTokenizer(TokenizerConfiguration.FromFolder(folder.FullPath)), Throws.TypeOf<ModelFormatException>().With.Message.Contains("513"));
    }

    [Test]
    public void Constructor_RefusesAMergeThatStandsThereTwice()
    {
        using TemporaryFolder folder = new();
        _ = ExcerptOfClip(folder);
        _ = folder.Write("merges.txt", File.ReadAllText(folder.Combine("merges.txt")) + "t h\n");
        Assert.That(() => _ = new ClipTokenizer(TokenizerConfiguration.FromFolder(folder.FullPath)), Throws.TypeOf<ModelFormatException>().With.Message.Contains("line 15").And.Message.Contains("\"t h\""));
    }

    // Found by mutated files: the parser of JSON fails late where a text is not one.
    [TestCase("\\ud800")]
    [TestCase("\u00ff")]
    public void Constructor_RefusesTextThatIsNone(string text)
    {
        using TemporaryFolder folder = new();
        _ = ExcerptOfClip(folder);
        File.WriteAllBytes(folder.Combine("tokenizer_config.json"), System.Text.Encoding.Latin1.GetBytes($"{{ \"bos_token\": \"{text}\" }}"));
        Assert.That(() => TokenizerConfiguration.FromFolder(folder.FullPath), Throws.TypeOf<ModelFormatException>().With.Message.Contains("tokenizer_config.json"));
    }

    /// <summary>
    /// The few of CLIP's merges that some words need, in CLIP's order, and CLIP's ids for what they end in. (An id of CLIP's is 512
    /// plus the place of the merge; those of what is never a token by itself do not matter here.)
    /// </summary>
    private static ClipTokenizer ExcerptOfClip(TemporaryFolder folder)
    {
        (string Left, string Right, int Id)[] merges =
        [
            ("t", "h", 513), ("th", "e</w>", 518), ("o", "n</w>", 525), ("t", "o</w>", 531), ("a", "t</w>", 536), ("o", "f</w>", 539),
            ("'", "s</w>", 568), ("h", "o", 40000), ("d", "o", 40001), ("p", "ho", 40002), ("pho", "to</w>", 1125), ("c", "at</w>", 2368), ("do", "g</w>", 1929),
        ];
        (string Left, string Right)[] pairs = [.. merges.Select(merge => (merge.Left, merge.Right)).Take(12)];
        Dictionary<string, int> vocabulary = NaiveBytePairTokenizer.VocabularyFor([]);
        vocabulary["<|startoftext|>"] = 49406;
        vocabulary["<|endoftext|>"] = 49407;
        foreach ((string left, string right, int id) in merges)
        {
            vocabulary[left + right] = id;
        }

        return Write(folder, vocabulary, [.. pairs, ("do", "g</w>")]);
    }

    private static ClipTokenizer Write(TemporaryFolder folder, Dictionary<string, int> vocabulary, IReadOnlyList<(string Left, string Right)> merges)
    {
        _ = folder.Write("vocab.json", JsonSerializer.Serialize(vocabulary, Unescaped));
        _ = folder.Write("merges.txt", "#version: 0.2\n" + string.Concat(merges.Select(pair => $"{pair.Left} {pair.Right}\n")));
        return new ClipTokenizer(TokenizerConfiguration.FromFolder(folder.FullPath));
    }
}
