using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using OnnxStream.Interop.Language.Chat;
using OnnxStream.Interop.Language.Grammars;

namespace OnnxStream.Interop.Language.Tests.Chat;

/// <summary>A model is a chat client as Microsoft.Extensions.AI expects one.</summary>
public class LanguageChatClientTests
{
    private static readonly ChatOptions s_options = new() { MaxOutputTokens = 12, Temperature = 0 };

    private LanguageModel _model = null!;

    [SetUp]
    public void Open() => _model = LanguageModel.FromFolder(Folder, new LanguageModelOptions { ChunkLength = 16, Session = new SessionOptions { ThreadCount = 1 } });

    [TearDown]
    public void Close() => _model.Dispose();

    [Test]
    public async Task AnAnswerStreamsWithItsUsageAtTheEnd()
    {
        using IChatClient client = _model.AsIChatClient();
        ChatMessage[] messages = [new(ChatRole.System, "Be kind."), new(ChatRole.User, "Hi")];
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(messages, s_options))
        {
            updates.Add(update);
        }

        Assert.That(updates[..^1].Select(update => update.Text), Is.All.Not.Empty);
        Assert.That(updates, Is.All.Matches<ChatResponseUpdate>(update => update.Role == ChatRole.Assistant && update.ResponseId == updates[0].ResponseId && update.ModelId == _model.Name));
        Assert.That(updates[..^1], Is.All.Matches<ChatResponseUpdate>(update => update.FinishReason is null));
        Assert.That(updates[^1].FinishReason, Is.EqualTo(ChatFinishReason.Length).Or.EqualTo(ChatFinishReason.Stop));
        UsageDetails usage = updates[^1].Contents.OfType<UsageContent>().Single().Details;
        string prompt = _model.ChatTemplate!.Apply([new("system", "Be kind."), new("user", "Hi")]);
        Assert.That(usage.InputTokenCount, Is.EqualTo(_model.Tokenizer.Encode(prompt, addSpecialTokens: false).Count));
        Assert.That(usage.OutputTokenCount, Is.InRange(1, 12));
        Assert.That(usage.TotalTokenCount, Is.EqualTo(usage.InputTokenCount + usage.OutputTokenCount));

        // The whole answer is the same, and what came before is not computed again.
        ChatResponse response = await client.GetResponseAsync(messages, s_options);
        Assert.That(response.Text, Is.EqualTo(string.Concat(updates.Select(update => update.Text))));
        Assert.That(response.Usage!.CachedInputTokenCount, Is.EqualTo(usage.InputTokenCount - 1));
        using Conversation conversation = _model.CreateConversation();
        Assert.That(response.Text, Is.EqualTo(conversation.Generate(_model.Tokenizer.Encode(prompt, false), new GenerationOptions { MostTokens = 12 }).ReadToEnd()));
    }

    [Test]
    public async Task OptionsOfARequestCount()
    {
        using IChatClient client = _model.AsIChatClient();
        ChatMessage[] messages = [new(ChatRole.User, "Hello there")];
        ChatOptions drawn = new() { MaxOutputTokens = 12, Temperature = 1.5f, Seed = 3, TopK = 40, TopP = 0.95f, FrequencyPenalty = 0.1f, PresencePenalty = 0.1f };
        string first = (await client.GetResponseAsync(messages, drawn)).Text;
        Assert.That((await client.GetResponseAsync(messages, drawn)).Text, Is.EqualTo(first));
        Assert.That((await client.GetResponseAsync(messages, s_options)).Text, Is.Not.EqualTo(first));
        string stop = first[2..4];
        ChatOptions stopping = drawn.Clone();
        stopping.StopSequences = [stop];
        ChatResponse stopped = await client.GetResponseAsync(messages, stopping);
        Assert.That(stopped.Text, Is.EqualTo(first[..first.IndexOf(stop, StringComparison.Ordinal)]));
        Assert.That(stopped.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
        Assert.That(async () => await client.GetResponseAsync([new ChatMessage(ChatRole.User, [new DataContent(new byte[1], "image/png")])]), Throws.TypeOf<NotSupportedException>());
    }

    [Test]
    public async Task AnAnswerIsHeldToJson()
    {
        using IChatClient client = _model.AsIChatClient();
        ChatOptions options = new() { Temperature = 0, ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":9},"who":{"enum":["you","me"]}},"required":["n","who"],"additionalProperties":false}""")) };
        ChatResponse response = await client.GetResponseAsync("Hi", options);
        JsonElement answer = JsonElement.Parse(response.Text);
        Assert.That(answer.GetProperty("n").GetInt32(), Is.InRange(1, 9));
        Assert.That(answer.GetProperty("who").GetString(), Is.AnyOf("you", "me"));
        Assert.That(response.FinishReason, Is.EqualTo(ChatFinishReason.Stop));

        // The form that .NET's types have.
        ChatResponse person = await client.GetResponseAsync("Hi", new ChatOptions { Temperature = 0, ResponseFormat = ChatResponseFormat.ForJsonSchema<Person>() });
        Assert.That(JsonSerializer.Deserialize<Person>(person.Text, JsonSerializerOptions.Web)!.Name, Has.Length.LessThanOrEqualTo(8));

        // Any object: cut where it has no end in time, but never anything else.
        ChatResponse json = await client.GetResponseAsync("Hi", new ChatOptions { Temperature = 0, MaxOutputTokens = 12, ResponseFormat = ChatResponseFormat.Json });
        Assert.That(json.Text, Does.StartWith("{"));
        Assert.That(async () => await client.GetResponseAsync("Hi", new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"not":{}}""")) }), Throws.TypeOf<GrammarException>());

        // Options of the library itself go through Microsoft.Extensions.AI.
        ChatOptions raw = new() { RawRepresentationFactory = _ => new GenerationOptions { Grammar = Grammar.FromGbnf("root ::= \"left\" | \"right\"") } };
        Assert.That((await client.GetResponseAsync("Hi", raw)).Text, Is.AnyOf("left", "right"));
    }

    [Test]
    public async Task AFunctionCanBeDemanded()
    {
        using IChatClient client = _model.AsIChatClient();
        AITool[] tools =
        [
            AIFunctionFactory.CreateDeclaration("turn", "Turns.", JsonElement.Parse("""{"type":"object","properties":{"side":{"enum":["left","right"]}},"required":["side"]}""")),
            AIFunctionFactory.CreateDeclaration("stop", null, JsonElement.Parse("{}")),
        ];
        ChatOptions options = new() { Temperature = 0, Tools = tools, ToolMode = ChatToolMode.RequireSpecific("turn") };
        ChatResponse response = await client.GetResponseAsync("Hi", options);
        FunctionCallContent call = response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>().Single();
        Assert.That(call.Name, Is.EqualTo("turn"));
        Assert.That(((JsonElement)call.Arguments!["side"]!).GetString(), Is.AnyOf("left", "right"));
        Assert.That(response.Text, Is.Empty);
        Assert.That(response.FinishReason, Is.EqualTo(ChatFinishReason.ToolCalls));

        // Or any of them, drawn.
        options = new ChatOptions { Temperature = 1, Seed = 7, Tools = [tools[0]], ToolMode = ChatToolMode.RequireAny };
        response = await client.GetResponseAsync("Hi", options);
        Assert.That(response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>().Single().Name, Is.EqualTo("turn"));

        // JSON or a call, where both may be.
        options = new ChatOptions { Temperature = 0, Tools = [tools[0]], ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"const":5}""")) };
        response = await client.GetResponseAsync("Hi", options);
        Assert.That(response.Text == "5" || response.Messages[0].Contents.OfType<FunctionCallContent>().Any(), Is.True, response.Text);
        Assert.That(async () => await client.GetResponseAsync("Hi", new ChatOptions { Tools = tools, ToolMode = ChatToolMode.RequireSpecific("fly") }), Throws.ArgumentException.With.Message.Contains("'fly'"));
        Assert.That(async () => await client.GetResponseAsync("Hi", new ChatOptions { ToolMode = ChatToolMode.RequireAny }), Throws.ArgumentException.With.Message.Contains("a function"));
    }

    [Test]
    public async Task RequestsOfSeveralThreadsDoNotDisturbEachOther([Values(1, 2)] int conversations)
    {
        using IChatClient client = _model.AsIChatClient(new LanguageChatClientOptions { ConversationCount = conversations });
        string[] questions = ["One", "Two is more", "Three"];
        string[] expected = new string[3];
        for (int i = 0; i < 3; i++)
        {
            expected[i] = (await client.GetResponseAsync(questions[i], s_options)).Text;
        }

        string[] actual = await Task.WhenAll(Enumerable.Range(0, 9).Select(async i => (await client.GetResponseAsync(questions[i % 3], s_options)).Text));
        for (int i = 0; i < 9; i++)
        {
            Assert.That(actual[i], Is.EqualTo(expected[i % 3]));
        }
    }

    [Test]
    public async Task ACancelledRequestLeavesTheClientUsable()
    {
        using IChatClient client = _model.AsIChatClient();
        string expected = (await client.GetResponseAsync("Hello", s_options)).Text;
        using CancellationTokenSource cancellation = new();
        int count = 0;
        await Assert.ThatAsync(async () =>
        {
            await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync("Hello", s_options, cancellation.Token))
            {
                if (++count == 2)
                {
                    await cancellation.CancelAsync();
                }
            }
        }, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(count, Is.EqualTo(2));
        await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync("Hello", s_options))
        {
            break;
        }

        Assert.That((await client.GetResponseAsync("Hello", s_options)).Text, Is.EqualTo(expected));
    }

    [Test]
    public void ServicesOfTheClientCanBeAskedFor()
    {
        IChatClient client = _model.AsIChatClient();
        Assert.That(client.GetService<ChatClientMetadata>()!.ProviderName, Is.EqualTo("onnxstream"));
        Assert.That(client.GetService<ChatClientMetadata>()!.DefaultModelId, Is.EqualTo("tiny-f32"));
        Assert.That(client.GetService<LanguageModel>(), Is.SameAs(_model));
        Assert.That(client.GetService<InferenceSession>(), Is.SameAs(_model.Session));
        Assert.That(client.GetService<IChatClient>(), Is.SameAs(client));
        Assert.That(client.GetService<string>(), Is.Null);
        Assert.That(client.GetService(typeof(IChatClient), "key"), Is.Null);
        client.Dispose();
        client.Dispose();
        Assert.That(async () => await client.GetResponseAsync("x"), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public async Task AProgramCanAskItsServicesForAModel()
    {
        ServiceCollection services = new();
        services.AddLanguageModel(Folder, new LanguageModelOptions { ContextLength = 100 });
        services.AddKeyedLanguageModel("small", Folder, new LanguageModelOptions { ContextLength = 50 });
        await using ServiceProvider provider = services.BuildServiceProvider();
        IChatClient client = provider.GetRequiredService<IChatClient>();
        Assert.That(client, Is.SameAs(provider.GetRequiredService<IChatClient>()));
        Assert.That((await client.GetResponseAsync("Hello", s_options)).Text, Is.Not.Empty);
        Assert.That(client.GetService<LanguageModel>()!.ContextLength, Is.EqualTo(100));
        Assert.That(provider.GetRequiredKeyedService<IChatClient>("small").GetService<LanguageModel>()!.ContextLength, Is.EqualTo(50));
    }

    private static string Folder => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-f32");

    private sealed record Person([property: MaxLength(8)] string Name, bool IsKind);
}
