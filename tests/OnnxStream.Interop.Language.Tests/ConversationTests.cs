namespace OnnxStream.Interop.Language.Tests;

/// <summary>A conversation goes on where it was: after another turn, a cancelled answer, or from a file.</summary>
public class ConversationTests
{
    private static readonly GenerationOptions s_ten = new() { MostTokens = 10, IgnoreEndTokens = true };

    private LanguageModel _model = null!;
    private string _folder = null!;

    [SetUp]
    public void Open()
    {
        _folder = Directory.CreateTempSubdirectory("onnxstream-").FullName;
        _model = LanguageModel.FromFolder(Folder("tiny-f32"), new LanguageModelOptions { ChunkLength = 16, Session = new SessionOptions { ThreadCount = 1 } });
    }

    [TearDown]
    public void Close()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void ACommonBeginningIsNotComputedAgain()
    {
        using Conversation conversation = _model.CreateConversation();
        int[] first = Prompt(40);
        int[] answer = Answer(conversation, first);
        int[] second = [.. first, .. answer, 5, 6, 7];
        Generation generation = conversation.Generate(second, s_ten);
        int[] continued = [.. generation.Select(token => token.Id)];
        Assert.That(generation.ReusedTokenCount, Is.GreaterThanOrEqualTo(first.Length + answer.Length - 1));
        Assert.That(continued, Is.EqualTo(Fresh(second)));

        // Another text with the same beginning, and the same text once more.
        int[] third = [.. first[..20], 9, 9, 9];
        generation = conversation.Generate(third, s_ten);
        Assert.That(generation.Select(token => token.Id), Is.EqualTo(Fresh(third)));
        Assert.That(generation.ReusedTokenCount, Is.EqualTo(20));
        Assert.That(Answer(conversation, third), Is.EqualTo(Fresh(third)));
    }

    [Test]
    public void ACancelledAnswerLeavesTheConversationUsable()
    {
        using Conversation conversation = _model.CreateConversation();
        using CancellationTokenSource cancellation = new();
        int[] prompt = Prompt(60);
        int count = 0;
        Assert.That(() =>
        {
            foreach (GeneratedToken _ in conversation.Generate(prompt, s_ten, progress: null, cancellation.Token))
            {
                if (++count == 3)
                {
                    cancellation.Cancel();
                }
            }
        }, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(count, Is.EqualTo(3));
        Assert.That(Answer(conversation, prompt), Is.EqualTo(Fresh(prompt)));

        // In the middle of a prompt.
        using CancellationTokenSource early = new();
        int[] other = [.. Prompt(60).Reverse()];
        Assert.That(() => conversation.Generate(other, s_ten, new Stopper(early), early.Token).ToList(), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(conversation.Tokens, Has.Count.InRange(1, 59));
        Assert.That(Answer(conversation, other), Is.EqualTo(Fresh(other)));

        // Nobody reads on.
        Assert.That(conversation.Generate(prompt, s_ten).First().Id, Is.EqualTo(Fresh(prompt)[0]));
        Assert.That(Answer(conversation, prompt), Is.EqualTo(Fresh(prompt)));
    }

    [Test]
    public void TwoConversationsDoNotDisturbEachOther()
    {
        using Conversation one = _model.CreateConversation();
        using Conversation two = _model.CreateConversation();
        int[] first = Prompt(30);
        int[] second = [.. Prompt(35).Reverse()];
        List<int> a = [];
        List<int> b = [];
        using IEnumerator<GeneratedToken> left = one.Generate(first, s_ten).GetEnumerator();
        using IEnumerator<GeneratedToken> right = two.Generate(second, s_ten).GetEnumerator();
        while (left.MoveNext() && right.MoveNext())
        {
            a.Add(left.Current.Id);
            b.Add(right.Current.Id);
        }

        Assert.That(a, Is.EqualTo(Fresh(first)));
        Assert.That(b, Is.EqualTo(Fresh(second)));
    }

    [Test]
    public void TwoAnswersOfOneConversationAreRefused()
    {
        using Conversation conversation = _model.CreateConversation();
        using IEnumerator<GeneratedToken> answer = conversation.Generate(Prompt(5), s_ten).GetEnumerator();
        answer.MoveNext();
        Assert.That(() => conversation.Generate(Prompt(5), s_ten).First(), Throws.InvalidOperationException);
        Assert.That(conversation.Clear, Throws.InvalidOperationException);
        answer.Dispose();
        Assert.That(conversation.Clear, Throws.Nothing);
        Generation read = conversation.Generate(Prompt(5), s_ten);
        read.ReadToEnd();
        Assert.That(() => read.ReadToEnd(), Throws.InvalidOperationException);
    }

    [Test]
    public void AConversationGoesOnFromAFile()
    {
        string path = Path.Combine(_folder, "talk.cache");
        int[] prompt = Prompt(50);
        int[] next;
        using (Conversation conversation = _model.CreateConversation())
        {
            int[] answer = Answer(conversation, prompt);
            conversation.Save(path);
            next = [.. prompt, .. answer, 8, 9];
        }

        Assert.That(Directory.GetFiles(_folder), Is.EqualTo(new[] { path }));
        using Conversation restored = _model.CreateConversation();
        restored.Load(path);
        Generation generation = restored.Generate(next, s_ten);
        Assert.That(generation.Select(token => token.Id), Is.EqualTo(Fresh(next)));
        Assert.That(generation.ReusedTokenCount, Is.GreaterThanOrEqualTo(59));
    }

    [Test]
    public void AFileThatIsNotWholeOrAnotherModelsIsRefused()
    {
        string path = Path.Combine(_folder, "talk.cache");
        using Conversation conversation = _model.CreateConversation();
        int[] prompt = Prompt(12);
        Answer(conversation, prompt);
        conversation.Save(path);
        int[] before = [.. conversation.Tokens];
        byte[] bytes = File.ReadAllBytes(path);
        foreach (int length in (int[])[0, 5, 20, 41, 60, 200, bytes.Length - 1])
        {
            File.WriteAllBytes(path, bytes[..length]);
            Assert.That(() => conversation.Load(path), Throws.TypeOf<ModelFormatException>(), $"{length} bytes");
        }

        foreach (int place in (int[])[2, 10, 44, 60, 130, bytes.Length / 2, bytes.Length - 3])
        {
            byte[] changed = [.. bytes];
            changed[place] ^= 0x40;
            File.WriteAllBytes(path, changed);
            Assert.That(() => conversation.Load(path), Throws.TypeOf<ModelFormatException>().Or.TypeOf<ContextLengthException>(), $"byte {place}");
        }

        File.WriteAllBytes(path, [.. bytes, 0]);
        Assert.That(() => conversation.Load(path), Throws.TypeOf<ModelFormatException>());
        Assert.That(conversation.Tokens, Is.EqualTo(before));
        File.WriteAllBytes(path, bytes);
        using LanguageModel other = LanguageModel.FromFolder(Folder("tiny-int4"));
        using Conversation foreign = other.CreateConversation();
        Assert.That(() => foreign.Load(path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("another model"));
        using LanguageModel shorter = LanguageModel.FromFolder(Folder("tiny-f32"), new LanguageModelOptions { ContextLength = 16 });
        using Conversation small = shorter.CreateConversation();
        Assert.That(() => small.Load(path), Throws.TypeOf<ContextLengthException>());
        Assert.That(() => conversation.Load(Path.Combine(_folder, "no")), Throws.InstanceOf<IOException>());
        Assert.That(Answer(conversation, prompt), Is.EqualTo(Fresh(prompt)));
    }

    [Test]
    public void GuessesChangeNothingButTheNumberOfRuns([Values(1, 3, 7)] int guesses, [Values(3, 11)] int period)
    {
        int[] prompt = [.. Enumerable.Range(0, 60).Select(i => 20 + i % period)];
        GenerationOptions options = new() { MostTokens = 70, IgnoreEndTokens = true };
        using Conversation plain = _model.CreateConversation();
        int[] expected = [.. plain.Generate(prompt, options).Select(token => token.Id)];
        using Conversation conversation = _model.CreateConversation();
        Generation generation = conversation.Generate(prompt, options with { LookupTokens = guesses });
        Assert.That(generation.Select(token => token.Id), Is.EqualTo(expected));
        Assert.That(generation.RunCount, Is.LessThanOrEqualTo(69));
        int[] next = [.. prompt, .. expected, 3];
        Assert.That(conversation.Generate(next, s_ten).Select(token => token.Id), Is.EqualTo(Fresh(next)));
    }

    [Test]
    public void GuessesThatAreRightSaveRuns()
    {
        // What the model says once, it is told to say again: the answer is in the prompt.
        int[] start = Prompt(20);
        int[] answer = Fresh(start, 24);
        using Conversation conversation = _model.CreateConversation();
        Generation generation = conversation.Generate([.. start, .. answer, .. start], new GenerationOptions { MostTokens = 20, IgnoreEndTokens = true, LookupTokens = 7 });
        int count = generation.Count();
        Assert.That(count, Is.EqualTo(20));
        Assert.That(generation.RunCount, Is.LessThanOrEqualTo(19));
    }

    [Test]
    public void AnswersEndWithStopStringsAndEndTokens()
    {
        using Conversation conversation = _model.CreateConversation();
        int[] prompt = Prompt(10);
        string whole = conversation.Generate(prompt, s_ten).ReadToEnd();
        Assert.That(whole, Has.Length.GreaterThan(6));
        string stop = whole[3..5];
        Generation generation = conversation.Generate(prompt, s_ten with { StopStrings = [stop] });
        Assert.That(generation.ReadToEnd(), Is.EqualTo(whole[..whole.IndexOf(stop, StringComparison.Ordinal)]));
        Assert.That(generation.FinishReason, Is.EqualTo(FinishReason.StopString));
        Generation ended = conversation.Generate(prompt, s_ten with { IgnoreEndTokens = false, LogitBias = new Dictionary<int, float> { [2] = 1000 } });
        Assert.That(ended.ReadToEnd(), Is.Empty);
        Assert.That((ended.FinishReason, ended.TokenCount), Is.EqualTo((FinishReason.EndToken, 1)));
    }

    [Test]
    public void ASeedDecidesAnAnswer()
    {
        using Conversation conversation = _model.CreateConversation();
        int[] prompt = Prompt(10);
        GenerationOptions options = s_ten with { Temperature = 1.5f, TopK = 50, Seed = 5 };
        int[] first = [.. conversation.Generate(prompt, options).Select(token => token.Id)];
        Assert.That(conversation.Generate(prompt, options).Select(token => token.Id), Is.EqualTo(first));
        Assert.That(conversation.Generate(prompt, options with { Seed = 6 }).Select(token => token.Id), Is.Not.EqualTo(first));
    }

    [Test]
    public void WrongPromptsAreRefused()
    {
        using Conversation conversation = _model.CreateConversation();
        Assert.That(() => conversation.Generate([]), Throws.ArgumentException);
        Assert.That(() => conversation.Generate([1, 400]), Throws.ArgumentException.With.Message.Contains("400"));
        Assert.That(() => conversation.Generate([-1]), Throws.ArgumentException);
        Assert.That(() => conversation.Generate(Prompt(160)), Throws.TypeOf<ContextLengthException>().With.Message.Contains("160"));
    }

    private static int[] Answer(Conversation conversation, int[] prompt) => [.. conversation.Generate(prompt, s_ten).Select(token => token.Id)];

    private int[] Fresh(int[] prompt, int count = 10)
    {
        using Conversation conversation = _model.CreateConversation();
        return [.. conversation.Generate(prompt, s_ten with { MostTokens = count }).Select(token => token.Id)];
    }

    private static string Folder(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", name);

    private static int[] Prompt(int length)
    {
        Random random = new(7);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(3, 400))];
    }

    private sealed class Stopper(CancellationTokenSource cancellation) : IProgress<int>
    {
        public void Report(int value) => cancellation.Cancel();
    }
}
