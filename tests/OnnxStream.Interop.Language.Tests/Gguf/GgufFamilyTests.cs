using System.Globalization;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Language.Tests.Gguf;

/// <summary>Decoders of each family score as llama.cpp does (Tables/LlamaCpp.cs), with windows that a prompt is longer than, stretched positions, and all kinds of numbers.</summary>
public class GgufFamilyTests
{
    private const int Vocabulary = 64;

    private static readonly string[] s_names = ["llama", "llama-stretched", "llama-linear", "qwen2", "qwen2-yarn", "qwen3", "phi3", "gemma2", "gemma3", "kinds"];

    [TestCaseSource(nameof(s_names))]
    public void ScoresAreThoseOfLlamaCpp(string name)
    {
        (int[] prompt, _, float[] expected) = Read(name);
        foreach (int chunk in (int[])[7, 128])
        {
            using LanguageModel model = Open(name, chunk);
            using Conversation conversation = model.CreateConversation();
            GenerationOptions options = new() { MostTokens = 1, IgnoreEndTokens = true, TopLogProbabilities = Vocabulary };
            float[] scores = new float[Vocabulary];
            foreach (TokenProbability alternative in conversation.Generate(prompt, options).Single().Alternatives)
            {
                scores[alternative.Id] = alternative.LogProbability;
            }

            double sum = Math.Log(expected.Sum(score => Math.Exp(score)));

            // llama.cpp rounds what it multiplies with numbers of 16 bits and less, and takes GELU from a table of half precision; otherwise both compute in single precision.
            double tolerance = name == "kinds" ? 0.05 : name.StartsWith("gemma", StringComparison.Ordinal) ? 1e-3 : 5e-5;
            Assert.That(scores, Is.EqualTo(expected.Select(score => (float)(score - sum))).Within(tolerance), $"chunks of {chunk}");
        }
    }

    [TestCaseSource(nameof(s_names))]
    public void AnswersAreThoseOfLlamaCpp(string name)
    {
        (int[] prompt, int[] expected, _) = Read(name);
        using LanguageModel model = Open(name, chunk: 16);
        using Conversation conversation = model.CreateConversation();
        Generation generation = conversation.Generate(prompt, new GenerationOptions { MostTokens = expected.Length, IgnoreEndTokens = true });
        List<int> answer = [];
        foreach (GeneratedToken token in generation)
        {
            answer.Add(token.Id);
            Assert.That(generation.LastPlansMade, answer.Count <= 3 ? Is.LessThanOrEqualTo(5) : Is.Zero, $"token {answer.Count}");
        }

        Assert.That(answer, Is.EqualTo(expected));
    }

    private static LanguageModel Open(string name, int chunk) => LanguageModel.FromFile(PathOf($"{name}.gguf"), new LanguageModelOptions { ChunkLength = chunk, Session = new SessionOptions { ThreadCount = 1 } });

    private static string PathOf(string file) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Gguf", "Tables", file);

    // The prompt, what llama.cpp goes on with, and its scores behind the prompt.
    private static (int[] Prompt, int[] Answer, float[] Scores) Read(string name)
    {
        string[] parts = File.ReadLines(PathOf("llama-cpp.txt")).Select(line => line.Split(' ')).Single(parts => parts[0] == name);
        return (Numbers(parts[1]), Numbers(parts[2]), MemoryMarshal.Cast<byte, float>(Convert.FromHexString(parts[3])).ToArray());
    }

    private static int[] Numbers(string list) => [.. list.Split(',').Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
}
