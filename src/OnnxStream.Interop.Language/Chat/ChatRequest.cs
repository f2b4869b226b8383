using System.Text.Json;
using Microsoft.Extensions.AI;
using OnnxStream.Interop.Language.Grammars;
using OnnxStream.Interop.Language.Templates;

namespace OnnxStream.Interop.Language.Chat;

/// <summary>A request of Microsoft.Extensions.AI as a model's template and sampler want it.</summary>
internal static class ChatRequest
{
    /// <summary>The messages.</summary>
    /// <exception cref="NotSupportedException">One has contents that a language model cannot read.</exception>
    public static List<TemplateMessage> ReadMessages(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        List<TemplateMessage> read = [];
        if (!string.IsNullOrEmpty(options?.Instructions))
        {
            read.Add(new TemplateMessage("system", options.Instructions));
        }

        foreach (ChatMessage message in messages)
        {
            string text = "";
            List<JsonElement> calls = [];
            List<TemplateMessage> results = [];
            foreach (AIContent content in message.Contents)
            {
                switch (content)
                {
                    case TextContent part:
                        text += part.Text;
                        break;
                    case FunctionCallContent call:
                        calls.Add(ToJson(writer =>
                        {
                            writer.WriteStartObject();
                            writer.WriteString("id", call.CallId);
                            writer.WriteString("type", "function");
                            writer.WriteStartObject("function");
                            writer.WriteString("name", call.Name);
                            writer.WritePropertyName("arguments");
                            WriteValue(writer, call.Arguments);
                            writer.WriteEndObject();
                            writer.WriteEndObject();
                        }));
                        break;
                    case FunctionResultContent result:
                        results.Add(new TemplateMessage("tool", result.Result as string ?? ToJson(writer => WriteValue(writer, result.Result)).GetRawText())
                        {
                            Properties = new Dictionary<string, JsonElement> { ["tool_call_id"] = ToJson(writer => writer.WriteStringValue(result.CallId)) },
                        });
                        break;
                    case TextReasoningContent or UsageContent:
                        break;
                    default:
                        throw new NotSupportedException($"A message has {content.GetType().Name}; language models of this library read text only.");
                }
            }

            read.AddRange(results);
            if (text.Length > 0 || calls.Count > 0 || results.Count == 0)
            {
                Dictionary<string, JsonElement> properties = [];
                if (calls.Count > 0)
                {
                    properties["tool_calls"] = ToJson(writer =>
                    {
                        writer.WriteStartArray();
                        calls.ForEach(call => call.WriteTo(writer));
                        writer.WriteEndArray();
                    });
                }

                read.Add(new TemplateMessage(message.Role.Value, calls.Count > 0 && text.Length == 0 ? "" : text) { Properties = properties });
            }
        }

        return read;
    }

    /// <summary>The tools, as templates write them; null where there are none.</summary>
    public static List<JsonElement>? ReadTools(ChatOptions? options)
    {
        if (options?.Tools is not { Count: > 0 } tools || options.ToolMode is NoneChatToolMode)
        {
            return null;
        }

        return [.. tools.Select(tool => tool is AIFunctionDeclaration function
            ? ToJson(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("type", "function");
                writer.WriteStartObject("function");
                writer.WriteString("name", function.Name);
                writer.WriteString("description", function.Description);
                writer.WritePropertyName("parameters");
                function.JsonSchema.WriteTo(writer);
                writer.WriteEndObject();
                writer.WriteEndObject();
            })
            : throw new NotSupportedException($"The tool '{tool.Name}' is a {tool.GetType().Name}; language models of this library can ask for functions only."))];
    }

    /// <summary>How tokens are chosen.</summary>
    /// <exception cref="GrammarException">The request has a JSON schema that is not supported.</exception>
    /// <exception cref="ArgumentException">A function must be asked for, and is not there.</exception>
    public static GenerationOptions ReadOptions(GenerationOptions otherwise, ChatOptions? options)
    {
        if (options is null)
        {
            return otherwise;
        }

        return otherwise with
        {
            MostTokens = options.MaxOutputTokens ?? otherwise.MostTokens,
            Temperature = options.Temperature ?? otherwise.Temperature,
            TopK = options.TopK ?? otherwise.TopK,
            TopP = options.TopP ?? otherwise.TopP,
            FrequencyPenalty = options.FrequencyPenalty ?? otherwise.FrequencyPenalty,
            PresencePenalty = options.PresencePenalty ?? otherwise.PresencePenalty,
            Seed = options.Seed ?? otherwise.Seed,
            Grammar = ChatGrammar.Read(options) ?? otherwise.Grammar,
            StopStrings = options.StopSequences is { Count: > 0 } stops ? [.. stops] : otherwise.StopStrings,
        };
    }

    private static JsonElement ToJson(Action<Utf8JsonWriter> write)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            write(writer);
        }

        using JsonDocument document = JsonDocument.Parse(stream.ToArray());
        return document.RootElement.Clone();
    }

    // What functions take and return, without reflection where it is of a common type.
    private static void WriteValue(Utf8JsonWriter writer, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNullValue();
                break;
            case JsonElement element:
                element.WriteTo(writer);
                break;
            case string text:
                writer.WriteStringValue(text);
                break;
            case bool truth:
                writer.WriteBooleanValue(truth);
                break;
            case int or long or short or byte:
                writer.WriteNumberValue(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture));
                break;
            case float or double or decimal:
                writer.WriteNumberValue(Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture));
                break;
            case IEnumerable<KeyValuePair<string, object?>> entries:
                writer.WriteStartObject();
                foreach ((string name, object? entry) in entries)
                {
                    writer.WritePropertyName(name);
                    WriteValue(writer, entry);
                }

                writer.WriteEndObject();
                break;
            case System.Collections.IEnumerable elements:
                writer.WriteStartArray();
                foreach (object? element in elements)
                {
                    WriteValue(writer, element);
                }

                writer.WriteEndArray();
                break;
            default:
                JsonSerializer.SerializeToElement(value, AIJsonUtilities.DefaultOptions.GetTypeInfo(value.GetType())).WriteTo(writer);
                break;
        }
    }
}
