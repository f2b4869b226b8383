using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using OnnxStream.Interop.Language;
using OnnxStream.Interop.Language.Chat;

// A conversation through Microsoft.Extensions.AI: dotnet run --project samples/Chat -- MODEL
if (args is not [var folder])
{
    Console.Error.WriteLine("usage: Chat MODEL (the folder of a language model)");
    return 2;
}

ServiceCollection services = new();
services.AddLanguageModel(folder, new LanguageModelOptions { ContextLength = 128 });
await using ServiceProvider provider = services.BuildServiceProvider();
IChatClient client = provider.GetRequiredService<IChatClient>();
List<ChatMessage> messages = [new(ChatRole.System, "You answer in one sentence.")];
while (Console.ReadLine() is { } line)
{
    messages.Add(new ChatMessage(ChatRole.User, line));
    List<ChatResponseUpdate> updates = [];
    await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(messages, new ChatOptions { MaxOutputTokens = 40 }))
    {
        Console.Write(update.Text);
        updates.Add(update);
    }

    ChatResponse response = updates.ToChatResponse();
    messages.AddMessages(response);
    Console.WriteLine();
    Console.Error.WriteLine($"[{response.Usage?.InputTokenCount} tokens in, {response.Usage?.CachedInputTokenCount} of them kept, {response.Usage?.OutputTokenCount} out]");
}

return 0;
