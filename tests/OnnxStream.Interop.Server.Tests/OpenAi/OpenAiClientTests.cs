using System.ClientModel;
using System.Text.Json;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Images;

namespace OnnxStream.Interop.Server.Tests.OpenAi;

/// <summary>OpenAI's own client against a server.</summary>
public class OpenAiClientTests
{
    private RunningServer _server = null!;
    private OpenAIClient _client = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        const string Key = "a-key-that-is-long-enough";
        _server = await RunningServer.StartAsync(options => options with { ApiKeys = [Key] }, Key);
        _client = new OpenAIClient(new ApiKeyCredential(Key), new OpenAIClientOptions { Endpoint = new Uri(_server.Client.BaseAddress!, "v1") });
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [Test]
    public async Task ModelsAreListed()
    {
        ClientResult<OpenAI.Models.OpenAIModelCollection> models = await _client.GetOpenAIModelClient().GetModelsAsync();
        Assert.That(models.Value.Select(model => model.Id), Is.EqualTo(new[] { "tiny-llm", "tiny-shapes", "tiny-whisper" }));
    }

    [Test]
    public async Task AnAnswerIsTheSameWholeAndInPieces()
    {
        ChatClient chat = _client.GetChatClient("tiny-llm");
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 6 };
        ChatCompletion whole = await chat.CompleteChatAsync([new SystemChatMessage("be brief"), new UserChatMessage("hello")], options);
        string pieces = "";
        ChatTokenUsage? usage = null;
        ChatFinishReason? reason = null;
        await foreach (StreamingChatCompletionUpdate update in chat.CompleteChatStreamingAsync([new SystemChatMessage("be brief"), new UserChatMessage("hello")], options))
        {
            pieces += string.Concat(update.ContentUpdate.Select(part => part.Text));
            usage = update.Usage ?? usage;
            reason = update.FinishReason ?? reason;
        }

        using (Assert.EnterMultipleScope())
        {
            Assert.That(whole.Content[0].Text, Is.Not.Empty);
            Assert.That(pieces, Is.EqualTo(whole.Content[0].Text));
            Assert.That(whole.Usage.OutputTokenCount, Is.EqualTo(6));
            Assert.That(usage?.OutputTokenCount, Is.EqualTo(6));
            Assert.That(usage?.InputTokenCount, Is.EqualTo(whole.Usage.InputTokenCount));
            Assert.That(whole.FinishReason, Is.EqualTo(ChatFinishReason.Length));
            Assert.That(reason, Is.EqualTo(ChatFinishReason.Length));
        }
    }

    [Test]
    public async Task ThePromptOfANextTurnIsKnown()
    {
        ChatClient chat = _client.GetChatClient("tiny-llm");
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 2 };
        _ = await chat.CompleteChatAsync([new UserChatMessage("one two three")], options);
        ChatCompletion second = await chat.CompleteChatAsync([new UserChatMessage("one two three")], options);
        Assert.That(second.Usage.InputTokenDetails.CachedTokenCount, Is.GreaterThan(0));
    }

    [Test]
    public void WhatCannotBeKeptIsRefused()
    {
        ClientResultException error = Assert.ThrowsAsync<ClientResultException>(async () => await _client.GetChatClient("tiny-llm").CompleteChatAsync(
            [new UserChatMessage("hello")], new ChatCompletionOptions { ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat("answer", BinaryData.FromString("""{"not":{}}""")) }));
        Assert.That(error.Status, Is.EqualTo(400));
        Assert.That(error.Message, Does.Contain("response_format").And.Contain("'not' is not supported"));
        ChatCompletionOptions demanding = new() { ToolChoice = ChatToolChoice.CreateFunctionChoice("fly") };
        demanding.Tools.Add(ChatTool.CreateFunctionTool("now"));
        error = Assert.ThrowsAsync<ClientResultException>(async () => await _client.GetChatClient("tiny-llm").CompleteChatAsync([new UserChatMessage("hello")], demanding));
        Assert.That(error.Status, Is.EqualTo(400));
        Assert.That(error.Message, Does.Contain("'fly'"));
    }

    [Test]
    public async Task AnAnswerIsHeldToASchema()
    {
        ChatClient chat = _client.GetChatClient("tiny-llm");
        ChatCompletionOptions options = new()
        {
            ResponseFormat = ChatResponseFormat.CreateJsonSchemaFormat("answer", BinaryData.FromString("""{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":9}},"required":["n"],"additionalProperties":false}"""), jsonSchemaIsStrict: true),
        };
        ChatCompletion whole = await chat.CompleteChatAsync([new UserChatMessage("hello")], options);
        Assert.That(JsonElement.Parse(whole.Content[0].Text).GetProperty("n").GetInt32(), Is.InRange(1, 9));
        Assert.That(whole.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
        string pieces = "";
        await foreach (StreamingChatCompletionUpdate update in chat.CompleteChatStreamingAsync([new UserChatMessage("hello")], options))
        {
            pieces += string.Concat(update.ContentUpdate.Select(part => part.Text));
        }

        Assert.That(pieces, Is.EqualTo(whole.Content[0].Text));
        ChatCompletion json = await chat.CompleteChatAsync([new UserChatMessage("hello")], new ChatCompletionOptions { ResponseFormat = ChatResponseFormat.CreateJsonObjectFormat(), MaxOutputTokenCount = 4 });
        Assert.That(json.Content[0].Text, Does.StartWith("{"));
    }

    [Test]
    public async Task AFunctionCanBeDemanded()
    {
        ChatClient chat = _client.GetChatClient("tiny-llm");
        foreach (ChatToolChoice choice in (ChatToolChoice[])[ChatToolChoice.CreateRequiredChoice(), ChatToolChoice.CreateFunctionChoice("turn")])
        {
            ChatCompletionOptions options = new() { ToolChoice = choice, Temperature = 0 };
            options.Tools.Add(ChatTool.CreateFunctionTool("turn", "Turns.", BinaryData.FromString("""{"type":"object","properties":{"side":{"enum":["left","right"]}},"required":["side"]}""")));
            ChatCompletion answer = await chat.CompleteChatAsync([new UserChatMessage("hi")], options);
            Assert.That(answer.FinishReason, Is.EqualTo(ChatFinishReason.ToolCalls));
            Assert.That(answer.ToolCalls.Single().FunctionName, Is.EqualTo("turn"));
            Assert.That(JsonElement.Parse(answer.ToolCalls[0].FunctionArguments).GetProperty("side").GetString(), Is.AnyOf("left", "right"));
        }
    }

    [Test]
    public void AnUnknownModelIsNotFound()
    {
        ClientResultException error = Assert.ThrowsAsync<ClientResultException>(async () => await _client.GetChatClient("../tiny-llm").CompleteChatAsync(new UserChatMessage("hello")));
        Assert.That(error.Status, Is.EqualTo(404));
        Assert.That(error.Message, Does.Contain("model_not_found"));
    }

    [Test]
    public async Task AFunctionThatIsOfferedIsInThePrompt()
    {
        ChatClient chat = _client.GetChatClient("tiny-llm");
        ChatCompletionOptions options = new() { MaxOutputTokenCount = 1 };
        ChatCompletion without = await chat.CompleteChatAsync([new UserChatMessage("hi")], options);
        ChatCompletionOptions offering = new() { MaxOutputTokenCount = 1 };
        offering.Tools.Add(ChatTool.CreateFunctionTool("now", "What time it is.", BinaryData.FromString("""{"type":"object","properties":{}}""")));
        ChatCompletion with = await chat.CompleteChatAsync([new UserChatMessage("hi")], offering);
        Assert.That(with.Usage.InputTokenCount, Is.GreaterThanOrEqualTo(without.Usage.InputTokenCount));
    }

    [Test]
    public async Task APictureIsMade()
    {
        ImageClient images = _client.GetImageClient("tiny-shapes");
        GeneratedImage image = await images.GenerateImageAsync("a red circle on a blue background", new ImageGenerationOptions { Size = new GeneratedImageSize(64, 64), ResponseFormat = GeneratedImageFormat.Bytes });
        Assert.That(image.ImageBytes.ToArray()[..8], Is.EqualTo(new byte[] { 0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A }));
    }

    [Test]
    public void AWrongKeyIsRefused()
    {
        OpenAIClient other = new(new ApiKeyCredential("another-key-of-that-length"), new OpenAIClientOptions { Endpoint = new Uri(_server.Client.BaseAddress!, "v1") });
        ClientResultException error = Assert.ThrowsAsync<ClientResultException>(async () => await other.GetOpenAIModelClient().GetModelsAsync());
        Assert.That(error.Status, Is.EqualTo(401));
    }
}
