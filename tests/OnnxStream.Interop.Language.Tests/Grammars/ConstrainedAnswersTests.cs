using System.Text.Json;
using Json.Schema;
using OnnxStream.Interop.Language.Grammars;
using OnnxStream.Interop.Language.Sampling;
using OnnxStream.Interop.Language.Tokenizers;

namespace OnnxStream.Interop.Language.Tests.Grammars;

/// <summary>Models whose scores are random numbers answer with what their grammar says, whatever chooses the tokens.</summary>
public class ConstrainedAnswersTests
{
    private const int End = 2;

    private static readonly string[] s_schemas =
    [
        "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":12},\"ok\":{\"type\":\"boolean\"}},\"required\":[\"n\",\"ok\"],\"additionalProperties\":false}",
        "{\"type\":\"array\",\"items\":{\"enum\":[\"red\",\"green\",\"blue\"]},\"minItems\":2,\"maxItems\":4}",
        "{\"type\":\"string\",\"pattern\":\"^[A-Z]{3}-\\\\d{2,4}$\"}",
        "{\"type\":\"string\",\"format\":\"date\"}",
    ];

    private static readonly GenerationOptions[] s_samplers =
    [
        new(),
        new() { Temperature = 1, Seed = 1 },
        new() { Temperature = 2, TopK = 3, Seed = 2 },
        new() { Temperature = 1, TopP = 0.3f, MinP = 0.1f, Seed = 3 },
        new() { Temperature = 1, TypicalP = 0.5f, RepetitionPenalty = 1.3f, FrequencyPenalty = 0.5f, Seed = 4 },
        new() { LookupTokens = 4 },
        new() { LookupTokens = 7, Temperature = 0.7f, Seed = 5 },
        new() { TopLogProbabilities = 3, LogitBias = new Dictionary<int, float> { [60] = 5 } },
    ];

    [Test]
    public void AModelAnswersWhatItsSchemaSays([ValueSource(nameof(s_schemas))] string schema, [ValueSource(nameof(s_samplers))] GenerationOptions sampler, [Values("tiny-f32", "tiny-int4")] string name)
    {
        using LanguageModel model = Open(name);
        using Conversation conversation = model.CreateConversation();
        Grammar grammar = Grammar.FromJsonSchema(schema);
        Generation generation = conversation.Generate("Some JSON: ", sampler with { Grammar = grammar });
        GeneratedToken[] tokens = [.. generation];
        string text = string.Concat(tokens.Select(token => token.Text));
        Assert.That(generation.FinishReason, Is.EqualTo(FinishReason.Grammar).Or.EqualTo(FinishReason.EndToken), text);
        Assert.That(grammar.Matches(text), Is.True, text);
        Validate(schema, text);

        // Guesses change nothing, and the conversation goes on as if nothing had held it.
        Generation single = conversation.Generate("Some JSON: ", sampler with { Grammar = grammar, LookupTokens = 0 });
        Assert.That(single.Select(token => token.Id), Is.EqualTo(tokens.Select(token => token.Id)));
        using Conversation other = model.CreateConversation();
        GenerationOptions free = new() { MostTokens = 5 };
        Assert.That(conversation.Generate("Some JSON: and", free).ReadToEnd(), Is.EqualTo(other.Generate("Some JSON: and", free).ReadToEnd()));
    }

    [Test]
    public void RandomSchemasAreKept([Range(0, 7)] int part, [Values("tiny", "words-and-bytes")] string vocabulary)
    {
        // The second vocabulary is SentencePiece's kind: bytes where it has no token, and a space that is dropped.
        Tokenizer tokenizer = vocabulary == "tiny"
            ? Tokenizer.FromFolder(Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-f32"))
            : SmallVocabulary.Read();
        int whole = 0;
        const int Count = 20;
        for (int i = 0; i < Count; i++)
        {
            int seed = (part * 1000) + i;
            string schema = new RandomSchema(seed).Make().ToJsonString();
            Grammar grammar = Grammar.FromJsonSchema(schema);
            if (Answer(tokenizer, grammar, seed) is not { } text)
            {
                continue;
            }

            whole++;
            Assert.That(grammar.Matches(text), Is.True, $"{schema}\n{text}");
            Validate(schema, text);
        }

        Assert.That(whole, Is.GreaterThan(Count * 2 / 3), "answers that came to their end");
    }

    [Test]
    public void JsonModeAnswersWithAnObject([Values(1, 2, 3, 4, 5)] int seed)
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-f32"));
        string? text = Answer(tokenizer, Grammar.JsonObject, seed);
        Assert.That(text, Is.Not.Null);
        using JsonDocument document = JsonDocument.Parse(text!);
        Assert.That(document.RootElement.ValueKind, Is.EqualTo(JsonValueKind.Object));
    }

    [Test]
    public void AnAnswerEndsWhereNothingMayFollow()
    {
        using LanguageModel model = Open("tiny-f32");
        using Conversation conversation = model.CreateConversation();
        Grammar grammar = Grammar.FromGbnf("root ::= \"yes\" | \"no\"");
        Generation generation = conversation.Generate("Well? ", new GenerationOptions { Grammar = grammar, IgnoreEndTokens = true });
        Assert.That(generation.ReadToEnd(), Is.AnyOf("yes", "no"));
        Assert.That(generation.FinishReason, Is.EqualTo(FinishReason.Grammar));
        Assert.That(generation.RunCount, Is.EqualTo(generation.TokenCount - 1), "no run behind the last token");

        // Where more may follow, the model decides; where it may not, the most tokens cut.
        Generation cut = conversation.Generate("Well? ", new GenerationOptions { Grammar = Grammar.FromGbnf("root ::= \"a\"+"), MostTokens = 5, IgnoreEndTokens = true });
        Assert.That(cut.ReadToEnd(), Does.Match("^a+$"));
        Assert.That(cut.FinishReason, Is.EqualTo(FinishReason.Length));
        Generation stopped = conversation.Generate("Well? ", new GenerationOptions { Grammar = Grammar.FromGbnf("root ::= \"abc\""), StopStrings = ["c"] });
        Assert.That(stopped.ReadToEnd(), Is.EqualTo("ab"));
        Assert.That(stopped.FinishReason, Is.EqualTo(FinishReason.StopString));
    }

    [Test]
    public void WhatTheVocabularyCannotWriteIsOneClearError()
    {
        using LanguageModel model = Open("tiny-f32");
        using Conversation conversation = model.CreateConversation();
        Dictionary<int, float> bias = Enumerable.Range(0, model.VocabularySize).ToDictionary(id => id, _ => float.NegativeInfinity);
        GenerationOptions options = new() { Grammar = Grammar.FromGbnf("root ::= \"a\""), LogitBias = bias, Temperature = 1 };
        Assert.That(() => conversation.Generate("x", options).ReadToEnd(), Throws.InvalidOperationException.With.Message.Contains("forbidden by their bias"));
        Assert.That(() => conversation.Generate("x", options with { Temperature = 0 }).ReadToEnd(), Throws.InvalidOperationException.With.Message.Contains("forbidden by their bias"));
        Assert.That(conversation.Generate("x", new GenerationOptions { Grammar = options.Grammar }).ReadToEnd(), Is.EqualTo("a"));
    }

    [Test]
    public void AGrammarWithoutATokenizerIsRefused()
    {
        using LanguageModel model = LanguageModel.FromFolder(Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-optimum"));
        using Conversation conversation = model.CreateConversation();
        Assert.That(() => conversation.Generate([1, 2], new GenerationOptions { Grammar = Grammar.JsonObject }), Throws.InvalidOperationException.With.Message.Contains("no tokenizer"));
    }

    // An answer of a model whose scores are random, but that likes to close what it opened; null where it did not come to its end.
    private static string? Answer(Tokenizer tokenizer, Grammar grammar, int seed)
    {
        Random random = new(seed);
        TokenConstraint constraint = new(grammar, tokenizer.Trie, tokenizer.VocabularySize, [End]);
        Sampler sampler = new(new GenerationOptions { Temperature = 1, Seed = seed, TopK = seed % 3 == 0 ? 20 : 0 }, [], constraint);
        List<int> ids = [];
        float[] scores = new float[tokenizer.VocabularySize];
        float[] likings = [.. Enumerable.Range(0, scores.Length).Select(id => Liking(tokenizer, id))];
        while (!constraint.IsFinished && ids.Count < 1500)
        {
            for (int id = 0; id < scores.Length; id++)
            {
                scores[id] = (random.NextSingle() * 3) + likings[id];
            }

            int next = sampler.Choose(scores);
            if (next == End)
            {
                Assert.That(grammar.Matches(tokenizer.Decode([.. ids])), Is.True);
                break;
            }

            sampler.Accept(next);
            ids.Add(next);
        }

        string text = tokenizer.Decode([.. ids]);
        return grammar.Matches(text) ? text : null;
    }

    private static float Liking(Tokenizer tokenizer, int id)
    {
        string text = tokenizer.Decode([id]);
        return (id == End || text.AsSpan().ContainsAny("\"}],") ? 4 : 0) - (text.AsSpan().ContainsAny("[{") ? 2 : 0);
    }

    private static void Validate(string schema, string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        EvaluationResults results = JsonSchema.FromText(schema).Evaluate(document.RootElement, new EvaluationOptions { RequireFormatValidation = true, OutputFormat = OutputFormat.List });
        Assert.That(results.IsValid, Is.True, $"{schema}\n{text}");
    }

    private static LanguageModel Open(string name) => LanguageModel.FromFolder(
        Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", name), new LanguageModelOptions { ChunkLength = 16, Session = new SessionOptions { ThreadCount = 1 } });
}
