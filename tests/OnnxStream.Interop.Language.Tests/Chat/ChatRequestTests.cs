using System.Text.Json;
using Microsoft.Extensions.AI;
using OnnxStream.Interop.Language.Chat;
using OnnxStream.Interop.Language.Templates;

namespace OnnxStream.Interop.Language.Tests.Chat;

/// <summary>Requests become what templates know.</summary>
public class ChatRequestTests
{
    [Test]
    public void CallsAndResultsOfToolsAreWritten()
    {
        ChatMessage[] messages =
        [
            new(ChatRole.User, "What weather?"),
            new(ChatRole.Assistant, [new FunctionCallContent("c1", "get_weather", new Dictionary<string, object?> { ["city"] = "Lund", ["days"] = 2, ["far"] = true, ["list"] = new object?[] { 1.5, null } })]),
            new(ChatRole.Tool, [new FunctionResultContent("c1", new Dictionary<string, object?> { ["t"] = 20 })]),
        ];
        List<TemplateMessage> read = ChatRequest.ReadMessages(messages, new ChatOptions { Instructions = "Be brief." });
        Assert.That(read.Select(message => message.Role), Is.EqualTo(new[] { "system", "user", "assistant", "tool" }));
        JsonElement call = read[2].Properties["tool_calls"][0];
        Assert.That(call.GetProperty("function").GetRawText(), Is.EqualTo("{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Lund\",\"days\":2,\"far\":true,\"list\":[1.5,null]}}"));
        Assert.That((read[3].Content, read[3].Properties["tool_call_id"].GetString()), Is.EqualTo(("{\"t\":20}", "c1")));
    }

    [Test]
    public void ToolsAreDescribedByTheirSchema()
    {
        AIFunction function = AIFunctionFactory.Create((string city) => city, "get_weather", "The weather of a place.");
        JsonElement tool = ChatRequest.ReadTools(new ChatOptions { Tools = [function] })!.Single();
        Assert.That(tool.GetProperty("function").GetProperty("name").GetString(), Is.EqualTo("get_weather"));
        Assert.That(tool.GetProperty("function").GetProperty("parameters").GetProperty("properties").TryGetProperty("city", out _), Is.True);
        Assert.That(ChatRequest.ReadTools(new ChatOptions { Tools = [function], ToolMode = ChatToolMode.None }), Is.Null);
        Assert.That(ChatRequest.ReadTools(null), Is.Null);
    }
}
