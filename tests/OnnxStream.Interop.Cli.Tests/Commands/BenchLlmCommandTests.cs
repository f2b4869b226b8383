using System.Text.Json;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class BenchLlmCommandTests
{
    [Test]
    public void Measures_prompts_and_tokens()
    {
        string[] arguments = ["bench-llm", GenerateCommandTests.Model, "--prompt-tokens", "16,40", "--gen-tokens", "4", "--repetitions", "2", "--threads", "1"];
        Invocation table = Invocation.Of(arguments).AssertSucceeded();
        Assert.That(table.Output, Does.Contain("| tiny-int4 |").And.Contain("pp16").And.Contain("pp40").And.Contain("tg4").And.Contain("±"));
        using JsonDocument document = JsonDocument.Parse(Invocation.Of([.. arguments, "--json", "--quiet"]).AssertSucceeded().Output);
        JsonElement[] tests = [.. document.RootElement.GetProperty("tests").EnumerateArray()];
        Assert.That(tests.Select(test => test.GetProperty("test").GetString()), Is.EqualTo(new[] { "pp16", "pp40", "tg4" }));
        Assert.That(tests.Select(test => test.GetProperty("tokens_per_s").GetDouble()), Is.All.GreaterThan(0));
        Assert.That(document.RootElement.GetProperty("model_bytes").GetInt64(), Is.GreaterThan(90_000));
        Invocation.Of("bench-llm", GenerateCommandTests.Model, "--prompt-tokens", "1000").AssertFailed(2, "1001", "160");
        Invocation.Of("bench-llm", GenerateCommandTests.Model, "--gen-tokens", "x").AssertFailed(2, "--gen-tokens x");
    }
}
