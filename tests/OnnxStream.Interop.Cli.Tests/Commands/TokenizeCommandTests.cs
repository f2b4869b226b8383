using System.Text.Json;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class TokenizeCommandTests
{
    [Test]
    public void Shows_the_tokens_of_a_text()
    {
        Invocation text = Invocation.Of("tokenize", GenerateCommandTests.Model, "the work").AssertSucceeded();
        Invocation json = Invocation.Of("tokenize", GenerateCommandTests.Model, "the <s>work 🙂", "--json").AssertSucceeded();
        using JsonDocument document = JsonDocument.Parse(json.Output);
        JsonElement[] tokens = [.. document.RootElement.GetProperty("tokens").EnumerateArray()];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(text.Output, Does.Contain("  ork"));
            Assert.That(text.Error, Does.Contain("tokens"));
            Assert.That(tokens.Select(token => token.GetProperty("id").GetInt32()), Does.Contain(1));
            Assert.That(document.RootElement.GetProperty("text").GetString(), Is.EqualTo("the <s>work 🙂"));
        }

        Invocation.Of("tokenize", "no-such-folder", "x").AssertFailed(2, "no-such-folder");
    }
}
