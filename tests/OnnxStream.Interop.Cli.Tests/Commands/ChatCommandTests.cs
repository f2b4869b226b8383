namespace OnnxStream.Interop.Cli.Tests.Commands;

[NonParallelizable]
internal sealed class ChatCommandTests
{
    [Test]
    public void Answers_message_by_message()
    {
        Invocation chat = Chat("Hello\nHow are you?\n/tokens\n/exit\nnever read\n", "--max-tokens", "6");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.GreaterThanOrEqualTo(2));
            Assert.That(chat.Error, Does.Contain("160 tokens of context").And.Contain("more were there").And.Contain("of 160 tokens"));
        }
    }

    [Test]
    public void Commands_change_the_conversation()
    {
        using TemporaryFolder folder = new();
        string file = folder["talk.json"];
        Invocation first = Chat($"Hello\n/save {file}\n/retry\n/undo\n/tokens\n/reset\n/help\n", "--max-tokens", "6");
        string[] answers = first.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(Directory.GetFiles(folder.Path).Select(Path.GetFileName), Is.EquivalentTo(new[] { "talk.json", "talk.json.cache" }));
        Assert.That(first.Error, Does.Contain("/undo"));
        Assert.That(answers, Has.Length.GreaterThanOrEqualTo(2));

        // What was saved goes on where it was.
        string straight = Chat("Hello\nAnd now?\n", "--max-tokens", "6").Output;
        Invocation loaded = Chat($"/load {file}\nAnd now?\n", "--max-tokens", "6");
        Assert.That(straight, Does.EndWith(loaded.Output));
        Assert.That(loaded.Error, Does.Contain("more were there"));
    }

    [Test]
    public void What_is_wrong_is_said_and_the_conversation_goes_on()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["bad.json"], "{");
        Invocation chat = Chat($"/nope\n/load {folder["bad.json"]}\n/load {folder["no.json"]}\n{new string('x', 300)}\nHello\n", "--max-tokens", "3");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(chat.Error, Does.Contain("/nope: there is no such command").And.Contain("bad.json").And.Contain("no.json").And.Contain("the context holds 160"));
            Assert.That(chat.Output, Is.Not.Empty);
        }
    }

    private static Invocation Chat(string input, params string[] options)
    {
        TextReader before = Console.In;
        using StringReader reader = new(input);
        Console.SetIn(reader);
        try
        {
            return Invocation.Of(["chat", GenerateCommandTests.Model, "--threads", "1", .. options]).AssertSucceeded();
        }
        finally
        {
            Console.SetIn(before);
        }
    }
}
