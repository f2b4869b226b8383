using System.Text;
using System.Text.Json;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>How the messages of a conversation are written for a model: a template in the language Jinja, as model folders bring it. https://huggingface.co/docs/transformers/chat_templating</summary>
/// <remarks>It may be used by several threads at once.</remarks>
public sealed class ChatTemplate
{
    private readonly Statement _body;
    private readonly IReadOnlyDictionary<string, string> _tokens;

    private readonly TimeProvider _time;

    private ChatTemplate(Statement body, IReadOnlyDictionary<string, string> tokens, TimeProvider time)
    {
        _body = body;
        _tokens = tokens;
        _time = time;
    }

    /// <summary>Reads a template.</summary>
    /// <param name="source">The template.</param>
    /// <param name="tokens">The texts of special tokens, as <c>bos_token</c>; null for none.</param>
    /// <param name="time">What the template takes for now; null for the system's clock.</param>
    /// <exception cref="FormatException">It is not written as templates are, or uses what is not supported.</exception>
    public static ChatTemplate Parse(string source, IReadOnlyDictionary<string, string>? tokens = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        try
        {
            return new ChatTemplate(TemplateParser.Parse(source), tokens ?? new Dictionary<string, string>(), time ?? TimeProvider.System);
        }
        catch (FormatException exception)
        {
            throw new FormatException($"The chat template cannot be read: {exception.Message}.", exception);
        }
    }

    /// <summary>Reads the template of a model folder: <c>chat_template.jinja</c>, or that of <c>tokenizer_config.json</c>. Null where there is none.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="ModelFormatException">A file is not what it should be.</exception>
    public static ChatTemplate? FindInFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        PipelineFiles files = new(null);
        JsonFile? configuration = JsonFile.ReadIfThere(Path.Combine(folder, "tokenizer_config.json"), files);
        string path = Path.Combine(folder, "chat_template.jinja");
        string? source = files.Exists(path) ? File.ReadAllText(path) : null;
        if (source is null && configuration is not null)
        {
            path = configuration.FilePath;
            source = FindSource(configuration);
        }

        try
        {
            return source is null ? null : Parse(source, configuration is null ? null : Tokens(configuration));
        }
        catch (FormatException exception)
        {
            throw new ModelFormatException(path, exception.Message, exception);
        }
    }

    /// <summary>Writes messages.</summary>
    /// <param name="messages">The messages, the first one first.</param>
    /// <param name="addGenerationPrompt">Whether the beginning of an answer follows.</param>
    /// <param name="tools">Descriptions of tools in JSON, which the template may write; null for none.</param>
    /// <param name="variables">Further values for the template, such as <c>enable_thinking</c>; null for none.</param>
    /// <exception cref="ChatTemplateException">The template refuses the messages.</exception>
    public string Apply(
        IReadOnlyList<TemplateMessage> messages, bool addGenerationPrompt = true, IReadOnlyList<JsonElement>? tools = null, IReadOnlyDictionary<string, JsonElement>? variables = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        TemplateScope scope = new();
        TemplateFunctions.AddTo(scope, _time);
        foreach ((string name, string token) in _tokens)
        {
            scope.Set(name, token);
        }

        scope.Set("messages", new List<object?>(messages.Select(AsMap)));
        scope.Set("add_generation_prompt", addGenerationPrompt);
        scope.Set("tools", tools is null ? null : new List<object?>(tools.Select(TemplateJson.Read)));
        scope.Set("documents", null);
        foreach ((string name, JsonElement value) in variables ?? new Dictionary<string, JsonElement>())
        {
            scope.Set(name, TemplateJson.Read(value));
        }

        StringBuilder output = new();
        _body(scope, output);
        return output.ToString();
    }

    private static object? AsMap(TemplateMessage message)
    {
        TemplateMap map = new() { ["role"] = message.Role };
        if (message.Content is not null || !message.Properties.ContainsKey("content"))
        {
            map["content"] = message.Content;
        }

        foreach ((string name, JsonElement value) in message.Properties)
        {
            map[name] = TemplateJson.Read(value);
        }

        return map;
    }

    // One template, or a list of them with names.
    private static string? FindSource(JsonFile file)
    {
        if (file.Find("chat_template") is not { ValueKind: JsonValueKind.Array } list)
        {
            return file.Text("chat_template");
        }

        foreach (JsonElement entry in list.EnumerateArray())
        {
            if (entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("name", out JsonElement name) && name.ValueKind == JsonValueKind.String && name.GetString() == "default" &&
                entry.TryGetProperty("template", out JsonElement template) && template.ValueKind == JsonValueKind.String)
            {
                return template.GetString();
            }
        }

        throw new ModelFormatException(file.FilePath, "\"chat_template\" is a list without a template of the name 'default'.");
    }

    private static Dictionary<string, string> Tokens(JsonFile file)
    {
        Dictionary<string, string> tokens = [];
        foreach (JsonProperty property in file.Properties)
        {
            if (property.Name.EndsWith("_token", StringComparison.Ordinal))
            {
                string? text = property.Value.ValueKind == JsonValueKind.Object ? file.Text(property.Name, "content") : property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString() : null;
                if (text is not null)
                {
                    tokens.Add(property.Name, text);
                }
            }
        }

        return tokens;
    }
}
