using OnnxStream.Interop.Tests;

namespace OnnxStream.Interop.Language.Tests.Decoding;

/// <summary>Decoders score tokens as ONNX Runtime does, whatever way a text came into the cache, and are planned once.</summary>
public class DecoderTests
{
    private static readonly GenerationOptions s_scored = new() { MostTokens = 6, TopLogProbabilities = 400, IgnoreEndTokens = true };

    [Test]
    public void ScoresAreThoseOfOnnxRuntime([Values("tiny-f32", "tiny-int4")] string name, [Values(1, 2, 3, 8, 9, 24, 25, 40, 64, 65, 100)] int length, [Values(1, 2)] int threads)
    {
        using LanguageModel model = Open(name, chunk: 32, threads);
        using Conversation conversation = model.CreateConversation();
        int[] prompt = Prompt(length, seed: length);
        List<int> text = [.. prompt];
        foreach (GeneratedToken token in conversation.Generate(prompt, s_scored))
        {
            float[] expected = Expected(name, text);
            foreach (TokenProbability alternative in token.Alternatives)
            {
                // Other ways to sum 4 bits differ more than single precision does.
                Assert.That(alternative.LogProbability, Is.EqualTo(expected[alternative.Id]).Within(name == "tiny-f32" ? 2e-4 : 0.15), $"token {alternative.Id} behind {text.Count}");
            }

            Assert.That(token.Alternatives, Has.Count.EqualTo(400));
            text.Add(token.Id);
        }

        Assert.That(text, Has.Count.EqualTo(length + 6));
    }

    [Test]
    public void ATokenIsPlannedOnceAndNeedsNoFurtherMemory()
    {
        using LanguageModel model = Open("tiny-int4", chunk: 32, threads: 1);
        using Conversation conversation = model.CreateConversation();
        for (int answer = 0; answer < 2; answer++)
        {
            Generation generation = conversation.Generate(Prompt(50, seed: answer), new GenerationOptions { MostTokens = 60, IgnoreEndTokens = true });
            long peak = 0;
            int count = 0;
            foreach (GeneratedToken _ in generation)
            {
                count++;

                // The first run of one token is planned; the state is followed from then on.
                Assert.That(generation.LastPlansMade, answer == 0 && count <= 2 ? Is.LessThanOrEqualTo(3) : Is.Zero, $"token {count}");
                peak = count <= 3 ? generation.PeakNativeBytes : peak;
                Assert.That(generation.PeakNativeBytes, answer == 0 ? Is.EqualTo(peak) : Is.GreaterThan(0));
            }

            Assert.That(count, Is.EqualTo(60));
            Assert.That(generation.FinishReason, Is.EqualTo(FinishReason.Length));
        }
    }

    // A state as long as a run is the case that shapes do not tell apart.
    [Test]
    public void APromptOfAnyLengthLeavesTokensPlannedOnce([Values(1, 2, 8, 9, 16, 32, 64)] int length)
    {
        using LanguageModel model = Open("tiny-f32", chunk: 16, threads: 1);
        for (int i = 0; i < 3; i++)
        {
            using Conversation conversation = model.CreateConversation();
            Generation generation = conversation.Generate(Prompt(length, seed: i), new GenerationOptions { MostTokens = 12, IgnoreEndTokens = true });
            int count = 0;
            foreach (GeneratedToken _ in generation)
            {
                Assert.That(generation.LastPlansMade, ++count <= 3 ? Is.LessThanOrEqualTo(4) : Is.Zero, $"token {count} of answer {i}");
            }
        }
    }

    [Test]
    public void ALongerPromptNeedsNoMoreMemoryThanItsCache()
    {
        long[] peaks = [.. ((int[])[72, 136]).Select(length =>
        {
            using LanguageModel model = Open("tiny-f32", chunk: 32, threads: 1);
            using Conversation conversation = model.CreateConversation();
            Generation generation = conversation.Generate(Prompt(length, seed: 1), new GenerationOptions { MostTokens = 2 });
            generation.ReadToEnd();
            return generation.PeakNativeBytes;
        })];
        Assert.That(peaks[1], Is.LessThanOrEqualTo(peaks[0] * 1.1));
    }

    [Test]
    public void TheContextCanBeFilledToItsLastToken([Values(1, 7, 32, 128)] int chunk, [Values(30, 31, 45, 47)] int length)
    {
        using LanguageModel model = LanguageModel.FromFolder(Folder("tiny-f32"), new LanguageModelOptions { ContextLength = 48, ChunkLength = chunk });
        using Conversation conversation = model.CreateConversation();
        int[] prompt = Prompt(length, seed: 3);
        Generation generation = conversation.Generate(prompt, new GenerationOptions { IgnoreEndTokens = true });
        int[] answer = [.. generation.Select(token => token.Id)];
        Assert.That(answer, Has.Length.EqualTo(48 - length));
        Assert.That(generation.FinishReason, Is.EqualTo(FinishReason.Length));
        using LanguageModel other = Open("tiny-f32", chunk: 16, threads: 1);
        using Conversation expected = other.CreateConversation();
        Assert.That(answer, Is.EqualTo(expected.Generate(prompt, new GenerationOptions { MostTokens = 48 - length, IgnoreEndTokens = true }).Select(token => token.Id)));
        Assert.That(() => conversation.Generate(Prompt(48, seed: 1)), Throws.TypeOf<ContextLengthException>().With.Message.Contains("48"));
    }

    [Test]
    public void AttentionThatIsSpelledOutIsScoredAsByOnnxRuntime([Values("tiny-optimum", "tiny-merged")] string name, [Values(1, 5, 16, 37)] int length)
    {
        // The merged decoder is the same with an If around it: its branch with a cache begins the text, too, and is planned as if it stood alone.
        string folder = Folder("tiny-optimum");
        using LanguageModel model = LanguageModel.FromFolder(Folder(name), new LanguageModelOptions { ChunkLength = 16, Session = new SessionOptions { ThreadCount = 1 } });
        using Conversation conversation = model.CreateConversation();
        List<int> text = [.. Prompt(length, seed: 5).Select(token => token % 120)];
        Generation generation = conversation.Generate([.. text], s_scored with { MostTokens = 12, TopLogProbabilities = 120 });
        int count = 0;
        foreach (GeneratedToken token in generation)
        {
            float[] expected = Probabilities(Oracle.Run(Path.Combine(folder, "model.onnx"), Inputs(text, heads: 2, size: 8, positions: true)), 120);
            foreach (TokenProbability alternative in token.Alternatives)
            {
                Assert.That(alternative.LogProbability, Is.EqualTo(expected[alternative.Id]).Within(2e-4), $"token {alternative.Id} behind {text.Count}");
            }

            Assert.That(generation.LastPlansMade, ++count <= 3 ? Is.LessThanOrEqualTo(4) : Is.Zero, $"token {count}");
            text.Add(token.Id);
        }
    }

    private static LanguageModel Open(string name, int chunk, int threads) =>
        LanguageModel.FromFolder(Folder(name), new LanguageModelOptions { ChunkLength = chunk, Session = new SessionOptions { ThreadCount = threads } });

    private static string Folder(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", name);

    private static int[] Prompt(int length, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(3, 400))];
    }

    // The logarithms of the probabilities behind a text, all of it computed at once.
    private static float[] Expected(string name, List<int> text) =>
        Probabilities(Oracle.Run(Path.Combine(Folder(name), "model.onnx"), Inputs(text, heads: 2, size: 16, positions: false)), 400);

    private static Dictionary<string, TensorBuffer> Inputs(List<int> text, int heads, int size, bool positions)
    {
        Dictionary<string, TensorBuffer> inputs = new()
        {
            ["input_ids"] = TensorBuffer.Create<long>([.. text.Select(token => (long)token)], 1, text.Count),
            ["attention_mask"] = TensorBuffer.Create<long>([.. text.Select(_ => 1L)], 1, text.Count),
        };
        if (positions)
        {
            inputs.Add("position_ids", TensorBuffer.Create<long>([.. text.Select((_, i) => (long)i)], 1, text.Count));
        }

        for (int layer = 0; layer < 2; layer++)
        {
            inputs.Add($"past_key_values.{layer}.key", new TensorBuffer(ElementType.Float32, new Shape(1, heads, 0, size)));
            inputs.Add($"past_key_values.{layer}.value", new TensorBuffer(ElementType.Float32, new Shape(1, heads, 0, size)));
        }

        return inputs;
    }

    private static float[] Probabilities(Dictionary<string, TensorBuffer> outputs, int vocabulary)
    {
        float[] logits = outputs["logits"].Span<float>()[^vocabulary..].ToArray();
        double sum = Math.Log(logits.Sum(logit => Math.Exp(logit)));
        return [.. logits.Select(logit => (float)(logit - sum))];
    }
}
