using System.Text.Json;
using OnnxStream.Interop.Cli.Tests.Build;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class GenerateCommandTests
{
    internal static readonly string Model = Path.Combine(Repository.Root, "tests", "OnnxStream.Interop.Language.Tests", "Models", "tiny-int4");

    [Test]
    public void Goes_on_with_a_text_and_says_what_it_took()
    {
        Invocation text = Invocation.Of("generate", Model, "--prompt", "the work", "--max-tokens", "9", "--threads", "1").AssertSucceeded();
        Invocation json = Invocation.Of("generate", Model, "--prompt", "the work", "--max-tokens", "9", "--threads", "1", "--json", "--log-probabilities").AssertSucceeded();
        using JsonDocument document = JsonDocument.Parse(json.Output);
        JsonElement report = document.RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(text.Output.TrimEnd('\n', '\r'), Is.EqualTo(report.GetProperty("text").GetString()));
            Assert.That(text.Error, Does.Contain("9 tokens").And.Contain("a second").And.Contain("memory"));
            Assert.That(report.GetProperty("tokens").GetArrayLength(), Is.EqualTo(9));
            Assert.That(report.GetProperty("finish_reason").GetString(), Is.EqualTo("length"));
            Assert.That(report.GetProperty("runs").GetInt32(), Is.EqualTo(8));
            Assert.That(report.GetProperty("log_probabilities").EnumerateArray().Select(value => value.GetDouble()), Is.All.LessThanOrEqualTo(0).And.Exactly(9).Items);
            Assert.That(report.GetProperty("context_length").GetInt32(), Is.EqualTo(160));
        }
    }

    [Test]
    public void A_seed_decides_what_is_drawn()
    {
        string[] arguments = ["generate", Model, "--prompt", "x", "--max-tokens", "12", "--temperature", "2", "--top-k", "200", "--top-p", "0.99", "--threads", "1", "--quiet", "--seed"];
        string first = Invocation.Of([.. arguments, "1"]).AssertSucceeded().Output;
        Assert.That(Invocation.Of([.. arguments, "1"]).Output, Is.EqualTo(first));
        Assert.That(Invocation.Of([.. arguments, "2"]).Output, Is.Not.EqualTo(first));
    }

    [Test]
    public void A_prompt_may_be_a_message_or_a_file()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["prompt.txt"], "the work");
        string expected = Invocation.Of("generate", Model, "--prompt", "the work", "--max-tokens", "5", "--quiet").Output;
        Assert.That(Invocation.Of("generate", Model, "--file", folder["prompt.txt"], "--max-tokens", "5", "--quiet").AssertSucceeded().Output, Is.EqualTo(expected));
        Invocation chat = Invocation.Of("generate", Model, "--prompt", "the work", "--chat", "--max-tokens", "5", "--json").AssertSucceeded();
        Assert.That(chat.Output, Does.Contain("<s>user\\nthe work</s>\\n<s>assistant\\n"));
    }

    [Test]
    public void An_answer_is_held_to_a_grammar()
    {
        using TemporaryFolder folder = new();
        string[] arguments = ["generate", Model, "--prompt", "the work", "--threads", "1", "--quiet"];
        string answer = Invocation.Of([.. arguments, "--grammar", "root ::= \"left\" | \"right\""]).AssertSucceeded().Output.TrimEnd('\n', '\r');
        Assert.That(answer, Is.AnyOf("left", "right"));
        File.WriteAllText(folder["side.gbnf"], "root ::= \"left\" | \"right\"\n");
        using JsonDocument report = JsonDocument.Parse(Invocation.Of([.. arguments, "--grammar", folder["side.gbnf"], "--json"]).AssertSucceeded().Output);
        Assert.That(report.RootElement.GetProperty("text").GetString(), Is.EqualTo(answer));
        Assert.That(report.RootElement.GetProperty("finish_reason").GetString(), Is.EqualTo("grammar"));
        File.WriteAllText(folder["schema.json"], "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":3,\"maximum\":5},\"minItems\":2,\"maxItems\":2}");
        using JsonDocument list = JsonDocument.Parse(Invocation.Of([.. arguments, "--json-schema", folder["schema.json"], "--temperature", "1", "--seed", "2", "--lookup", "3"]).AssertSucceeded().Output);
        Assert.That(list.RootElement.EnumerateArray().Select(item => item.GetInt32()), Is.All.InRange(3, 5).And.Exactly(2).Items);
        Assert.That(Invocation.Of([.. arguments, "--json-mode", "--max-tokens", "3"]).AssertSucceeded().Output, Does.StartWith("{"));
    }

    [Test]
    public void A_wrong_grammar_is_one_line()
    {
        Invocation.Of("generate", Model, "--prompt", "x", "--grammar", "root ::= thing").AssertFailed(2, "--grammar", "line 1, column 10", "no rule 'thing'");
        Invocation.Of("generate", Model, "--prompt", "x", "--grammar", "no-such-file.gbnf").AssertFailed(2, "--grammar no-such-file.gbnf", "no such file");
        Invocation.Of("generate", Model, "--prompt", "x", "--json-schema", "{\"not\":{}}").AssertFailed(2, "--json-schema", "'not' is not supported");
        Invocation.Of("generate", Model, "--prompt", "x", "--json-schema", "{").AssertFailed(2, "--json-schema", "not JSON");
        Invocation.Of("generate", Model, "--prompt", "x", "--json-mode", "--grammar", "root ::= \"a\"").AssertFailed(2, "one of --grammar, --json-schema and --json-mode");
        Invocation.Of("chat", Model, "--json-schema", "{\"type\":\"text\"}").AssertFailed(2, "--json-schema", "no type 'text'");
    }

    [Test]
    public void A_limit_of_memory_is_kept_or_refused()
    {
        Invocation.Of("generate", Model, "--prompt", "x", "--memory", "5MB").AssertFailed(2, "--memory 5.0 MiB", "needs --memory");
        Invocation.Of("generate", Model, "--prompt", "x", "--memory", "2GB", "--max-tokens", "3", "--context", "64").AssertSucceeded();
    }

    [Test]
    public void Wrong_usage_is_one_line()
    {
        Invocation.Of("generate", Model).AssertFailed(2, "--prompt TEXT");
        Invocation.Of("generate", Model, "--prompt", "x", "--file", "y").AssertFailed(2, "--prompt TEXT");
        Invocation.Of("generate", "no-such-folder", "--prompt", "x").AssertFailed(2, "no-such-folder");
        Invocation.Of("generate", Model, "--prompt", "x", "--context", "161").AssertFailed(2, "160");
        Invocation.Of("generate", Model, "--prompt", new string('x', 400)).AssertFailed(2, "160", "tokens");
        Invocation.Of("generate", Model, "--prompt", "x", "--top-p", "1.5").AssertFailed(2, "--top-p 1.5");
        Invocation.Of("generate", Model, "--prompt", "x", "--temperature", "-1").AssertFailed(2, "--temperature -1");
        Invocation.Of("generate", Model, "--prompt", "x", "--lookup", "8").AssertFailed(2, "--lookup 8");
        Invocation.Of("generate", Model, "--prompt", "x", "--panel-type", "auto", "--panel-store", "auto").AssertFailed(2, "--panel-type auto");
    }
}
