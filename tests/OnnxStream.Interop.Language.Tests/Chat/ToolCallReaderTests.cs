using System.Text.Json;
using Microsoft.Extensions.AI;
using OnnxStream.Interop.Language.Chat;

namespace OnnxStream.Interop.Language.Tests.Chat;

/// <summary>Calls of tools are found however an answer is divided.</summary>
public class ToolCallReaderTests
{
    [Test]
    public void ACallIsFoundInAllDivisions([Values(1, 3, 7, 1000)] int length)
    {
        const string answer = "Let me look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Malmö\", \"days\": 2}}\n</tool_call>\n<tool_call>{\"name\": \"now\"}</tool_call> <tool_x>";
        List<AIContent> contents = Read(answer, length);
        FunctionCallContent[] calls = [.. contents.OfType<FunctionCallContent>()];
        Assert.That(calls.Select(call => call.Name), Is.EqualTo(new[] { "get_weather", "now" }));
        Assert.That(((JsonElement)calls[0].Arguments!["city"]!).GetString(), Is.EqualTo("Malmö"));
        Assert.That(((JsonElement)calls[0].Arguments!["days"]!).GetInt32(), Is.EqualTo(2));
        Assert.That(calls[0].CallId, Is.Not.EqualTo(calls[1].CallId));
        Assert.That(string.Concat(contents.OfType<TextContent>().Select(text => text.Text)).Replace("\n", ""), Is.EqualTo("Let me look. <tool_x>"));
    }

    [TestCase("<tool_call>no JSON</tool_call>")]
    [TestCase("<tool_call>{\"arguments\": {}}</tool_call>")]
    [TestCase("<tool_call>[1]</tool_call>")]
    [TestCase("<tool_call>{\"name\": \"x\"")]
    public void WhatIsNoCallIsText(string answer) =>
        Assert.That(string.Concat(Read(answer, 4).OfType<TextContent>().Select(text => text.Text)), Is.EqualTo(answer));

    private static List<AIContent> Read(string answer, int length)
    {
        ToolCallReader reader = new();
        List<AIContent> contents = [];
        for (int i = 0; i < answer.Length; i += length)
        {
            contents.AddRange(reader.Add(answer.Substring(i, Math.Min(length, answer.Length - i))));
        }

        contents.AddRange(reader.Flush());
        return contents;
    }
}
