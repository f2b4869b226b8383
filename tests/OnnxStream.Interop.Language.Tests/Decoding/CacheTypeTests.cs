namespace OnnxStream.Interop.Language.Tests.Decoding;

/// <summary>Keys and values in half precision or 8 bits score nearly as those of single precision do, in the memory that is said, and go on from a file of their own kind.</summary>
public class CacheTypeTests
{
    private const int Answer = 12;

    private string _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("onnxstream-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    // Grouped heads; attention that is spelled out; windows, normed heads and soft limits of products.
    [Test]
    public void ScoresAreNearThoseOfSinglePrecision(
        [Values(ElementType.Float16, ElementType.Int8)] ElementType type, [Values("tiny-f32", "tiny-int4", "tiny-optimum", "tiny-merged", "gemma2.gguf", "gemma3.gguf", "phi3.gguf", "qwen3.gguf")] string name)
    {
        using LanguageModel single = Open(name, null);
        using LanguageModel model = Open(name, type);
        int[] prompt = Prompt(name, 40);
        List<float[]> expected = Scores(single, prompt, prompt.Length, out int[] text);
        List<float[]> actual = Scores(model, text, prompt.Length, out _);
        double most = 0, square = 0;
        for (int i = 0; i < expected.Count; i++)
        {
            for (int token = 0; token < expected[i].Length; token++)
            {
                double difference = Math.Abs(actual[i][token] - expected[i][token]);
                most = Math.Max(most, difference);
                square += difference * difference / expected[i].Length / expected.Count;
            }
        }

        // Something is rounded, and little.
        TestContext.Out.WriteLine($"{name}, {type}: at most {most:0.0e0}, root mean square {Math.Sqrt(square):0.0e0}");
        Assert.That(most, Is.InRange(1e-7, type == ElementType.Float16 ? 5e-3 : 0.1));
        Assert.That(Math.Sqrt(square), Is.LessThan(type == ElementType.Float16 ? 2e-3 : 0.05));
    }

    [Test]
    public void ACacheTakesTheBytesThatItIsKeptIn()
    {
        long Bytes(ElementType? type, int context)
        {
            using LanguageModel model = LanguageModel.FromFolder(Folder("tiny-f32"), new LanguageModelOptions { CacheElementType = type, ContextLength = context, Session = new SessionOptions { ThreadCount = 1 } });
            using Conversation conversation = model.CreateConversation();
            Generation generation = conversation.Generate(Prompt("tiny-f32", 8), new GenerationOptions { MostTokens = 3, IgnoreEndTokens = true });
            generation.ReadToEnd();
            return generation.PeakNativeBytes;
        }

        // Keys and values of two layers with two heads of 16 numbers, each reserved twice.
        const long Rows = 2 * 2 * 2 * 2 * 100;
        long single = Bytes(null, 160) - Bytes(null, 60);
        Assert.That(single - (Bytes(ElementType.Float16, 160) - Bytes(ElementType.Float16, 60)), Is.EqualTo(Rows * 16 * 2).Within(4096));
        Assert.That(single - (Bytes(ElementType.Int8, 160) - Bytes(ElementType.Int8, 60)), Is.EqualTo(Rows * ((16 * 4) - 18)).Within(4096));
    }

    [Test]
    public void ATokenIsPlannedOnceAndNeedsNoFurtherMemory([Values(ElementType.Float16, ElementType.Int8)] ElementType type, [Values(1, 2)] int threads)
    {
        using LanguageModel model = Open("tiny-int4", type, threads);
        using Conversation conversation = model.CreateConversation();
        Generation generation = conversation.Generate(Prompt("tiny-int4", 50), new GenerationOptions { MostTokens = 60, IgnoreEndTokens = true });
        long peak = 0;
        int count = 0;
        foreach (GeneratedToken _ in generation)
        {
            Assert.That(generation.LastPlansMade, ++count <= 2 ? Is.LessThanOrEqualTo(3) : Is.Zero, $"token {count}");
            peak = count <= 3 ? generation.PeakNativeBytes : peak;
            Assert.That(generation.PeakNativeBytes, Is.EqualTo(peak), $"token {count}");
        }

        Assert.That(count, Is.EqualTo(60));
    }

    [Test]
    public void AConversationGoesOnFromAFileOfItsKind([Values(ElementType.Float16, ElementType.Int8)] ElementType type)
    {
        string path = Path.Combine(_folder, "talk.cache");
        using LanguageModel model = Open("tiny-f32", type);
        GenerationOptions ten = new() { MostTokens = 10, IgnoreEndTokens = true };
        using Conversation conversation = model.CreateConversation();
        int[] answer = [.. conversation.Generate(Prompt("tiny-f32", 50), ten).Select(token => token.Id)];
        conversation.Save(path);
        int[] next = [.. Prompt("tiny-f32", 50), .. answer, 8, 9];
        using Conversation restored = model.CreateConversation();
        restored.Load(path);
        Generation generation = restored.Generate(next, ten);
        Assert.That(generation.Select(token => token.Id), Is.EqualTo(conversation.Generate(next, ten).Select(token => token.Id)));
        Assert.That(generation.ReusedTokenCount, Is.GreaterThanOrEqualTo(59));

        // 32 bytes of the fingerprint and as many of the hash; 59 rows of two layers, two heads and 16 numbers, for keys and for values.
        Assert.That(new FileInfo(path).Length, Is.InRange(59 * 8 * (type == ElementType.Float16 ? 32 : 18), 60 * 8 * (type == ElementType.Float16 ? 32 : 18) + 60 * 4 + 200));
        foreach (ElementType? other in (ElementType?[])[null, type == ElementType.Int8 ? ElementType.Float16 : ElementType.Int8])
        {
            using LanguageModel foreign = Open("tiny-f32", other);
            using Conversation refusing = foreign.CreateConversation();
            Assert.That(() => refusing.Load(path), Throws.TypeOf<ModelFormatException>().With.Message.Contains(type.ToOnnxName()));
            Assert.That(refusing.Tokens, Is.Empty);
        }
    }

    [Test]
    public void OtherTypesAreRefused() => Assert.That(() => new LanguageModelOptions { CacheElementType = ElementType.Int64 }, Throws.ArgumentException.With.Message.Contains("Float16"));

    // The logarithms of probabilities behind each token of a text from a place on; where it ends, it goes on with the likeliest.
    private static List<float[]> Scores(LanguageModel model, int[] given, int first, out int[] text)
    {
        using Conversation conversation = model.CreateConversation();
        List<float[]> scores = [];
        List<int> tokens = [.. given[..first]];
        while (scores.Count < Answer)
        {
            float[] row = new float[model.VocabularySize];
            GeneratedToken next = conversation.Generate([.. tokens], new GenerationOptions { MostTokens = 1, IgnoreEndTokens = true, TopLogProbabilities = model.VocabularySize }).Single();
            foreach (TokenProbability alternative in next.Alternatives)
            {
                row[alternative.Id] = alternative.LogProbability;
            }

            scores.Add(row);
            tokens.Add(tokens.Count < given.Length ? given[tokens.Count] : next.Id);
        }

        text = [.. tokens];
        return scores;
    }

    private static LanguageModel Open(string name, ElementType? type, int threads = 1)
    {
        LanguageModelOptions options = new() { CacheElementType = type, ChunkLength = 16, Session = new SessionOptions { ThreadCount = threads } };
        return name.EndsWith(".gguf", StringComparison.Ordinal)
            ? LanguageModel.FromFile(Path.Combine(TestContext.CurrentContext.TestDirectory, "Gguf", "Tables", name), options)
            : LanguageModel.FromFolder(Folder(name), options);
    }

    private static string Folder(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", name);

    private static int[] Prompt(string name, int length)
    {
        Random random = new(7);
        int vocabulary = name.EndsWith(".gguf", StringComparison.Ordinal) ? 64 : name is "tiny-optimum" or "tiny-merged" ? 120 : 400;
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(3, vocabulary))];
    }
}
