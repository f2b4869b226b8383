using OnnxStream.Interop.Language.Templates;

namespace OnnxStream.Interop.Language.Tests.Gguf;

/// <summary>A GGUF file and an ONNX model of the same numbers score alike, whatever bits the file has; weights stay in them.</summary>
public class GgufTwinTests
{
    [TestCase("tiny-f32")]
    [TestCase("tiny-f16")]
    [TestCase("tiny-q8_0")]
    [TestCase("tiny-q4_0")]
    public void ScoresAreThoseOfTheOnnxModel(string name)
    {
        using LanguageModel onnx = LanguageModel.FromFolder(Path.Combine(Models, "tiny-f32"), Options(1));
        using LanguageModel gguf = LanguageModel.FromFile(Path.Combine(Models, "tiny-gguf", $"{name}.gguf"), Options(2));
        Assert.That((gguf.Architecture, gguf.ContextLength, gguf.VocabularySize), Is.EqualTo((onnx.Architecture, onnx.ContextLength, onnx.VocabularySize)));
        using Conversation first = onnx.CreateConversation();
        using Conversation second = gguf.CreateConversation();
        int[] prompt = [.. Enumerable.Range(0, 45).Select(i => 3 + i * 37 % 390)];
        GenerationOptions options = new() { MostTokens = 8, TopLogProbabilities = 400, IgnoreEndTokens = true };
        foreach ((GeneratedToken expected, GeneratedToken actual) in first.Generate(prompt, options).Zip(second.Generate(prompt, options)))
        {
            Assert.That(actual.Id, Is.EqualTo(expected.Id));
            Dictionary<int, float> scores = actual.Alternatives.ToDictionary(alternative => alternative.Id, alternative => alternative.LogProbability);
            Assert.That(expected.Alternatives.Max(alternative => Math.Abs(alternative.LogProbability - scores[alternative.Id])), Is.LessThan(2e-5));
        }
    }

    [Test]
    public void TextAndTemplateAreThoseOfTheFolder()
    {
        using LanguageModel onnx = LanguageModel.FromFolder(Path.Combine(Models, "tiny-f32"));
        using LanguageModel gguf = LanguageModel.FromFile(Path.Combine(Models, "tiny-gguf", "tiny-q4_0.gguf"));
        foreach (string text in (string[])["The licence says that you may copy it.", "  two  spaces\n\nand </s> lines 123456", "naïve 你好 🙂"])
        {
            Assert.That(gguf.Tokenizer.Encode(text, addSpecialTokens: true), Is.EqualTo(onnx.Tokenizer.Encode(text, addSpecialTokens: true)));
        }

        Assert.That(gguf.EndTokens, Is.EqualTo(onnx.EndTokens));
        TemplateMessage[] messages = [new("user", "Hello")];
        Assert.That(gguf.ChatTemplate!.Apply(messages), Is.EqualTo(onnx.ChatTemplate!.Apply(messages)));
    }

    // Behind the first tokens, a run is followed and computed, and makes little that must be collected.
    [Test]
    public void ATokenMakesLittleManagedMemory()
    {
        using LanguageModel model = LanguageModel.FromFile(Path.Combine(Models, "tiny-gguf", "tiny-q4_0.gguf"), Options(1));
        using Conversation conversation = model.CreateConversation();
        long before = 0;
        int count = 0;
        foreach (GeneratedToken _ in conversation.Generate([.. Enumerable.Range(5, 20)], new GenerationOptions { MostTokens = 60, IgnoreEndTokens = true }))
        {
            before = ++count == 20 ? GC.GetAllocatedBytesForCurrentThread() : before;
        }

        long each = (GC.GetAllocatedBytesForCurrentThread() - before) / (count - 20);
        TestContext.Out.WriteLine($"{each:N0} bytes a token");
        Assert.That(each, Is.LessThan(MostBytesPerToken));
    }

    // Two layers.
    private const long MostBytesPerToken = 400_000;

    private static string Models => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models");

    private static LanguageModelOptions Options(int threads) => new() { ChunkLength = 32, Session = new SessionOptions { ThreadCount = threads } };
}
