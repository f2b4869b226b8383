namespace OnnxStream.Interop.Language.Tests;

/// <summary>Model folders are read as their makers mean them, and refused with one clear error where something is missing.</summary>
public class LanguageModelTests
{
    private string _folder = null!;

    [SetUp]
    public void CopyModel()
    {
        _folder = Directory.CreateTempSubdirectory("onnxstream-").FullName;
        foreach (string file in Directory.GetFiles(Source("tiny-f32")))
        {
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        }
    }

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void AGenAiFolderSaysWhatTheModelIs()
    {
        using LanguageModel model = LanguageModel.FromFolder(_folder);
        Assert.That(model.Architecture, Is.EqualTo("llama"));
        Assert.That((model.ContextLength, model.VocabularySize, model.ChunkLength), Is.EqualTo((160, 400, 128)));
        Assert.That(model.EndTokens, Is.EqualTo(new[] { 2 }));
        Assert.That(model.IsEndToken(2), Is.True);
        Assert.That(model.DefaultOptions.Temperature, Is.Zero);
        Assert.That(model.HasTokenizer, Is.True);
        Assert.That(model.ChatTemplate, Is.Not.Null);
    }

    [Test]
    public void AnOptimumFolderIsTheSameModel()
    {
        int[] prompt = [.. Enumerable.Range(5, 30)];
        int[] expected = Answer(prompt);
        File.Delete(Path.Combine(_folder, "genai_config.json"));
        Write("config.json", "{\"model_type\": \"llama\", \"max_position_embeddings\": 160, \"vocab_size\": 400, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"hidden_size\": 64, \"eos_token_id\": 1}");
        Write("generation_config.json", "{\"do_sample\": true, \"temperature\": 0.6, \"top_p\": 0.9, \"eos_token_id\": [2, 7]}");
        using (LanguageModel model = LanguageModel.FromFolder(_folder))
        {
            Assert.That(model.EndTokens, Is.EqualTo(new[] { 2, 7 }));
            Assert.That((model.DefaultOptions.Temperature, model.DefaultOptions.TopP, model.DefaultOptions.TopK), Is.EqualTo((0.6f, 0.9f, 50)));
        }

        Assert.That(Answer(prompt), Is.EqualTo(expected));
        Directory.CreateDirectory(Path.Combine(_folder, "onnx"));
        File.Move(Path.Combine(_folder, "model.onnx"), Path.Combine(_folder, "onnx", "model.onnx"));
        File.Move(Path.Combine(_folder, "model.onnx.data"), Path.Combine(_folder, "onnx", "model.onnx.data"));
        Assert.That(Answer(prompt), Is.EqualTo(expected));
    }

    [Test]
    public void SamplingOfTheFolderIsSuggested()
    {
        Replace("genai_config.json", "\"do_sample\": false", "\"do_sample\": true");
        Replace("genai_config.json", "\"eos_token_id\": 2", "\"eos_token_id\": [2, 5]");
        Replace("genai_config.json", "\"max_length\"", "\"chunk_size\": 40, \"max_length\"");
        using LanguageModel model = LanguageModel.FromFolder(_folder);
        Assert.That((model.DefaultOptions.Temperature, model.DefaultOptions.TopK), Is.EqualTo((1f, 50)));
        Assert.That(model.EndTokens, Is.EqualTo(new[] { 2, 5 }));
        Assert.That(model.ChunkLength, Is.EqualTo(40));
    }

    [TestCase("\"type\": \"llama\",", "", "model.type")]
    [TestCase("\"context_length\": 160,", "", "model.context_length")]
    [TestCase("\"vocab_size\": 400", "\"vocab_size\": 0", "model.vocab_size")]
    [TestCase("\"vocab_size\": 400", "\"vocab_size\": 401", "401")]
    [TestCase("\"filename\": \"model.onnx\",", "", "model.decoder.filename")]
    [TestCase("\"filename\": \"model.onnx\"", "\"filename\": \"../model.onnx\"", "../model.onnx")]
    [TestCase("\"filename\": \"model.onnx\"", "\"filename\": \"no.onnx\"", "no.onnx")]
    [TestCase("\"eos_token_id\": 2", "\"eos_token_id\": \"x\"", "eos_token_id")]
    [TestCase("\"eos_token_id\": 2", "\"eos_token_id\": [-1]", "eos_token_id")]
    [TestCase("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "past_key_values.2.key")]
    [TestCase("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", "past_key_values.1.key")]
    [TestCase("\"logits\": \"logits\"", "\"logits\": \"scores\"", "scores")]
    [TestCase("\"input_ids\": \"input_ids\"", "\"input_ids\": \"ids\"", "'ids'")]
    [TestCase("present.%d.key", "now.%d.key", "now.0.key")]
    public void AFolderThatIsWrongIsOneClearError(string old, string with, string expected)
    {
        Replace("genai_config.json", old, with);
        Assert.That(() => Answer([5, 6, 7]), Throws.TypeOf<ModelFormatException>().With.Message.Contains(expected));
    }

    [Test]
    public void AFolderWithoutAModelIsOneClearError()
    {
        File.Delete(Path.Combine(_folder, "genai_config.json"));
        Assert.That(() => LanguageModel.FromFolder(_folder), Throws.TypeOf<ModelFormatException>().With.Message.Contains("genai_config.json"));
        Write("config.json", "{\"model_type\": \"llama\"}");
        Assert.That(() => LanguageModel.FromFolder(_folder), Throws.TypeOf<ModelFormatException>().With.Message.Contains("max_position_embeddings"));
        File.Delete(Path.Combine(_folder, "model.onnx"));
        Assert.That(() => LanguageModel.FromFolder(_folder), Throws.TypeOf<ModelFormatException>().With.Message.Contains("decoder"));
        Assert.That(() => LanguageModel.FromFolder(Path.Combine(_folder, "no")), Throws.TypeOf<ModelFormatException>());
    }

    [Test]
    public void WithoutATokenizerTokensCanBeUsed()
    {
        File.Delete(Path.Combine(_folder, "tokenizer.json"));
        using LanguageModel model = LanguageModel.FromFolder(_folder);
        using Conversation conversation = model.CreateConversation();
        Assert.That(conversation.Generate([5, 6], new GenerationOptions { MostTokens = 3, IgnoreEndTokens = true }).Count(), Is.EqualTo(3));
        Assert.That(() => conversation.Generate("text"), Throws.InvalidOperationException.With.Message.Contains("tokenizer.json"));
    }

    [Test]
    public void AContextIsAtMostTheModels()
    {
        Assert.That(() => LanguageModel.FromFolder(_folder, new LanguageModelOptions { ContextLength = 161 }), Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.Contains("160"));
        Assert.That(() => new LanguageModelOptions { ContextLength = 0 }, Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => new LanguageModelOptions { ChunkLength = 0 }, Throws.TypeOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void ABudgetThatIsTooSmallIsRefusedWithItsSize()
    {
        LanguageModelOptions options = new() { Session = new SessionOptions { MemoryBudget = 400_000, ThreadCount = 1 } };
        using LanguageModel model = LanguageModel.FromFolder(_folder, options);
        MemoryBudgetException exception = Assert.Throws<MemoryBudgetException>(() =>
        {
            using Conversation conversation = model.CreateConversation();
            conversation.Generate([.. Enumerable.Range(3, 150)], new GenerationOptions { MostTokens = 2 }).ReadToEnd();
        });
        using LanguageModel larger = LanguageModel.FromFolder(_folder, options with { Session = options.Session with { MemoryBudget = exception.SmallestBudgetBytes + 2_000_000 } });
        using Conversation fits = larger.CreateConversation();
        Generation generation = fits.Generate([.. Enumerable.Range(3, 150)], new GenerationOptions { MostTokens = 4, IgnoreEndTokens = true });
        Assert.That(generation.Count(), Is.EqualTo(4));
        Assert.That(generation.PeakNativeBytes, Is.LessThanOrEqualTo(exception.SmallestBudgetBytes + 2_000_000));
    }

    private int[] Answer(int[] prompt)
    {
        using LanguageModel model = LanguageModel.FromFolder(_folder);
        using Conversation conversation = model.CreateConversation();
        return [.. conversation.Generate(prompt, new GenerationOptions { MostTokens = 8, IgnoreEndTokens = true }).Select(token => token.Id)];
    }

    private void Replace(string file, string old, string with)
    {
        string path = Path.Combine(_folder, file);
        string text = File.ReadAllText(path);
        Assert.That(text, Does.Contain(old));
        File.WriteAllText(path, text.Replace(old, with));
    }

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_folder, file), text);

    private static string Source(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", name);
}
