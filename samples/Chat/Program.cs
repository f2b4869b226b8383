using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using OnnxStream.Interop.Language;
using OnnxStream.Interop.Language.Chat;

// A conversation through Microsoft.Extensions.AI: dotnet run --project samples/Chat -- MODEL
if (args is not [var folder])
{
    await Console.Error.WriteLineAsync("usage: Chat MODEL (the folder of a language model)");
    return 2;
}

ServiceCollection services = new();
services.AddLanguageModel(folder);
await using ServiceProvider provider = services.BuildServiceProvider();
IChatClient client = provider.GetRequiredService<IChatClient>();
List<ChatMessage> messages = [new(ChatRole.System, "You answer in one sentence.")];
while (await Console.In.ReadLineAsync() is { } line)
{
    messages.Add(new ChatMessage(ChatRole.User, line));
    List<ChatResponseUpdate> updates = [];
    try
    {
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync(messages, new ChatOptions { MaxOutputTokens = 200 }))
        {
            Console.Write(update.Text);
            updates.Add(update);
        }
    }
    catch (ContextLengthException exception)
    {
        await Console.Error.WriteLineAsync(exception.Message);
        return 1;
    }

    ChatResponse response = updates.ToChatResponse();
    messages.AddMessages(response);
    Console.WriteLine();
    await Console.Error.WriteLineAsync($"[{response.Usage?.InputTokenCount} tokens in, {response.Usage?.CachedInputTokenCount} of them kept, {response.Usage?.OutputTokenCount} out]");
}

return 0;
