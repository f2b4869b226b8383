namespace OnnxStream.Interop.Diffusion.Tests;

public class TokenizerConfigurationTests
{
    [Test]
    public void FromFolder_DefaultsToClip()
    {
        using TemporaryFolder folder = FolderWithFiles("vocab.txt");
        TokenizerConfiguration configuration = TokenizerConfiguration.FromFolder(folder.FullPath);
        Assert.Multiple(() =>
        {
            Assert.That(configuration.VocabularyPath, Is.EqualTo(folder.Combine("vocab.txt")));
            Assert.That(configuration.ContextLength, Is.EqualTo(77));
            Assert.That(configuration.LowerCase);
            Assert.That(configuration.PadToken, Is.EqualTo("<|endoftext|>"));
        });
    }

    [Test]
    public void FromFolder_PrefersJson()
    {
        using TemporaryFolder folder = FolderWithFiles("vocab.txt", "vocab.json");
        Assert.That(TokenizerConfiguration.FromFolder(folder.FullPath).VocabularyPath, Is.EqualTo(folder.Combine("vocab.json")));
    }

    [Test]
    public void FromFolder_ReadsWhatDiffusersSaves()
    {
        using TemporaryFolder folder = FolderWithFiles("vocab.json");
        _ = folder.Write("special_tokens_map.json", """{ "bos_token": { "content": "<s>", "lstrip": false }, "eos_token": "</s>", "pad_token": "!", "unk_token": "?" }""");
        _ = folder.Write("tokenizer_config.json", """{ "model_max_length": 64, "do_lower_case": false, "eos_token": { "content": "<end>" }, "pad_token": null, "added_tokens_decoder": {} }""");
        TokenizerConfiguration configuration = TokenizerConfiguration.FromFolder(folder.FullPath);
        Assert.Multiple(() =>
        {
            Assert.That(configuration.ContextLength, Is.EqualTo(64));
            Assert.That(configuration.LowerCase, Is.False);
            Assert.That(configuration.BeginToken, Is.EqualTo("<s>"));
            Assert.That(configuration.EndToken, Is.EqualTo("<end>"));
            Assert.That(configuration.PadToken, Is.EqualTo("!"));
        });
    }

    // Stable Diffusion 2 has such files.
    [TestCase("""{ "pad_token": "<|endoftext|>", "bos_token": "<a>" }""", """{ "pad_token": "!" }""", "!", "<a>")]
    [TestCase("""{ "pad_token": "<|endoftext|>", "added_tokens_decoder": {} }""", """{ "pad_token": "!", "bos_token": "<b>" }""", "<|endoftext|>", "<b>")]
    [TestCase("""{ "bos_token": { "content": "<a>" } }""", """{ "pad_token": { "content": "!" }, "bos_token": "<b>" }""", "!", "<b>")]
    public void FromFolder_SpecialTokensAreThoseThatTransformersTakes(string own, string map, string pad, string begin)
    {
        using TemporaryFolder folder = FolderWithFiles("vocab.json");
        _ = folder.Write("tokenizer_config.json", own);
        _ = folder.Write("special_tokens_map.json", map);
        TokenizerConfiguration configuration = TokenizerConfiguration.FromFolder(folder.FullPath);
        Assert.That((configuration.PadToken, configuration.BeginToken), Is.EqualTo((pad, begin)));
    }

    [Test]
    public void FromFolder_IgnoresALengthThatMeansNone()
    {
        using TemporaryFolder folder = FolderWithFiles("vocab.json");
        _ = folder.Write("tokenizer_config.json", """{ "model_max_length": 1000000000000000019884624838656 }""");
        Assert.That(TokenizerConfiguration.FromFolder(folder.FullPath).ContextLength, Is.EqualTo(77));
    }

    [Test]
    public void FromFolder_NamesTheWrongProperty()
    {
        using TemporaryFolder folder = FolderWithFiles("vocab.json");
        _ = folder.Write("tokenizer_config.json", """{ "do_lower_case": "yes" }""");
        Assert.That(
            () => TokenizerConfiguration.FromFolder(folder.FullPath),
            Throws.TypeOf<ModelFormatException>().With.Message.Contains("tokenizer_config.json").And.Message.Contains("do_lower_case").And.Message.Contains("\"yes\""));
    }

    [Test]
    public void FromFolder_SaysWhatIsMissing()
    {
        using TemporaryFolder folder = new();
        Assert.That(() => TokenizerConfiguration.FromFolder(folder.FullPath), Throws.TypeOf<ModelFormatException>().With.Message.Contains("vocab.json"));
        _ = folder.Write("vocab.txt", "");
        Assert.That(() => TokenizerConfiguration.FromFolder(folder.FullPath), Throws.TypeOf<ModelFormatException>().With.Message.Contains("merges.txt"));
    }

    private static TemporaryFolder FolderWithFiles(params string[] names)
    {
        TemporaryFolder folder = new();
        foreach (string name in (string[])[.. names, "merges.txt"])
        {
            _ = folder.Write(name, "");
        }

        return folder;
    }
}
