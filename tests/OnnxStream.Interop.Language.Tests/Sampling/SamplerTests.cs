using System.Text.Json;
using OnnxStream.Interop.Language.Sampling;

namespace OnnxStream.Interop.Language.Tests.Sampling;

/// <summary>What may be drawn, and what is drawn, is what numpy says (Tables/make_sampling.py).</summary>
public class SamplerTests
{
    private static readonly JsonElement[] s_cases = ReadCases();

    private static IEnumerable<int> Cases => Enumerable.Range(0, s_cases.Length);

    [TestCaseSource(nameof(Cases))]
    public void ProbabilitiesAreThoseOfNumpy(int index)
    {
        JsonElement expected = s_cases[index].GetProperty("probabilities");
        float[] logits = Logits(index);
        double[] actual = new double[logits.Length];
        Sampler sampler = Create(index, out _);
        foreach (Candidate candidate in sampler.FindCandidates(sampler.Adjust(logits)))
        {
            actual[candidate.Id] = candidate.Probability;
        }

        for (int i = 0; i < actual.Length; i++)
        {
            Assert.That(actual[i], Is.EqualTo(expected[i].GetDouble()).Within(2e-6), $"token {i} with {s_cases[index].GetProperty("options")}");
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void ASeedDrawsTheTokensOfNumpy(int index)
    {
        Sampler sampler = Create(index, out _);
        float[] logits = Logits(index);
        int[] actual = [.. Enumerable.Range(0, 12).Select(_ => sampler.Choose(logits))];
        Assert.That(actual, Is.EqualTo(s_cases[index].GetProperty("draws").EnumerateArray().Select(token => token.GetInt32())));
    }

    [TestCaseSource(nameof(Cases))]
    public void WithoutTemperatureTheLikeliestIsChosen(int index)
    {
        Sampler sampler = Create(index, out GenerationOptions options);
        if (options.TypicalP < 1)
        {
            // What is typical need not be what is likeliest.
            sampler = new Sampler(options with { TypicalP = 1 }, Prompt(index));
            Array.ForEach(Answer(index), sampler.Accept);
        }

        Sampler greedy = new(options with { Temperature = 0 }, Prompt(index));
        Array.ForEach(Answer(index), greedy.Accept);
        float[] logits = Logits(index);
        Assert.That(greedy.Choose(logits), Is.EqualTo(sampler.FindCandidates(sampler.Adjust(logits))[0].Id));
    }

    [TestCaseSource(nameof(Cases))]
    public void LogProbabilitiesAreThoseOfNumpy(int index)
    {
        float[] logits = Logits(index);
        TokenProbability[] top = LogProbabilities.Top(logits, 3, LogProbabilities.LogSum(logits));
        JsonElement expected = s_cases[index].GetProperty("top");
        for (int i = 0; i < 3; i++)
        {
            Assert.That(top[i].Id, Is.EqualTo(expected[i][0].GetInt32()));
            Assert.That(top[i].LogProbability, Is.EqualTo(expected[i][1].GetDouble()).Within(1e-5));
        }
    }

    [Test]
    public void ATokenThatIsForbiddenIsNeverChosen()
    {
        GenerationOptions options = new() { Temperature = 1, LogitBias = new Dictionary<int, float> { [0] = float.NegativeInfinity, [2] = float.NegativeInfinity } };
        Sampler sampler = new(options with { Seed = 1 }, []);
        Assert.That(Enumerable.Range(0, 50).Select(_ => sampler.Choose([5, 1, 9])), Is.All.EqualTo(1));
        Assert.That(() => new Sampler(options, []).Choose([5]), Throws.ArgumentException.With.Message.Contains("token 2"));
        Assert.That(() => new Sampler(options with { LogitBias = new Dictionary<int, float> { [0] = float.NegativeInfinity } }, []).Choose([5]), Throws.InvalidOperationException);
    }

    private static JsonElement[] ReadCases()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, "Sampling", "Tables", "sampling.json")));
        return [.. document.RootElement.EnumerateArray().Select(element => element.Clone())];
    }

    private static float[] Logits(int index) => [.. s_cases[index].GetProperty("logits").EnumerateArray().Select(logit => logit.GetSingle())];

    private static int[] Prompt(int index) => [.. s_cases[index].GetProperty("prompt").EnumerateArray().Select(token => token.GetInt32())];

    private static int[] Answer(int index) => [.. s_cases[index].GetProperty("answer").EnumerateArray().Select(token => token.GetInt32())];

    private static Sampler Create(int index, out GenerationOptions options)
    {
        JsonElement given = s_cases[index].GetProperty("options");
        options = new GenerationOptions
        {
            Temperature = Number("temperature", 1),
            TopK = (int)Number("top_k", 0),
            TopP = Number("top_p", 1),
            MinP = Number("min_p", 0),
            TypicalP = Number("typical_p", 1),
            RepetitionPenalty = Number("repetition", 1),
            FrequencyPenalty = Number("frequency", 0),
            PresencePenalty = Number("presence", 0),
            LogitBias = given.TryGetProperty("bias", out JsonElement bias) ? bias.EnumerateObject().ToDictionary(entry => int.Parse(entry.Name), entry => entry.Value.GetSingle()) : new Dictionary<int, float>(),
            Seed = s_cases[index].GetProperty("seed").GetInt64(),
        };
        Sampler sampler = new(options, Prompt(index));
        Array.ForEach(Answer(index), sampler.Accept);
        return sampler;

        float Number(string name, float otherwise) => given.TryGetProperty(name, out JsonElement value) ? value.GetSingle() : otherwise;
    }
}
