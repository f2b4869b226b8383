using Microsoft.Extensions.AI;
using OnnxStream.Interop.Language.Grammars;

namespace OnnxStream.Interop.Language.Chat;

/// <summary>What a request of Microsoft.Extensions.AI says about the form of its answer: JSON, a schema, or calls of functions.</summary>
internal static class ChatGrammar
{
    /// <summary>The grammar of the answer; null where it may be any text.</summary>
    /// <exception cref="GrammarException">A schema is not supported.</exception>
    /// <exception cref="ArgumentException">A function must be asked for, and is not there.</exception>
    public static Grammar? Read(ChatOptions options)
    {
        ChatResponseFormatJson? json = options.ResponseFormat as ChatResponseFormatJson;
        AIFunctionDeclaration[] functions = options.ToolMode is NoneChatToolMode ? [] : [.. (options.Tools ?? []).OfType<AIFunctionDeclaration>()];
        RequiredChatToolMode? required = options.ToolMode as RequiredChatToolMode;
        if (required is not null)
        {
            functions = required.RequiredFunctionName is { } name ? [.. functions.Where(function => function.Name == name)] : functions;
            if (functions.Length == 0)
            {
                throw new ArgumentException($"The answer must ask for {(required.RequiredFunctionName is { } missing ? $"the function '{missing}'" : "a function")}, which is not among the tools.");
            }
        }

        if (json is null && required is null)
        {
            return null;
        }

        if (json is { Schema: null } && functions.Length == 0)
        {
            return Grammar.JsonObject;
        }

        return Grammar.FromRules(new JsonTexts(), texts =>
        {
            List<GrammarExpression> ways = [];
            if (functions.Length > 0)
            {
                GrammarExpression call = GrammarExpression.Any([.. functions.Select((function, i) => Call(texts, function, i))]);
                ways.Add(options.AllowMultipleToolCalls == true ? GrammarExpression.All(call, GrammarExpression.Many(GrammarExpression.All(GrammarExpression.Text("\n"), call))) : call);
            }

            // Who must ask for a function cannot answer.
            if (required is null)
            {
                ways.Add(json!.Schema is { } schema ? new JsonSchemaReader(texts, schema).Read() : texts.AnyObject);
            }

            return GrammarExpression.Any([.. ways]);
        });
    }

    // As models write it that were trained with such calls.
    private static GrammarExpression Call(JsonTexts texts, AIFunctionDeclaration function, int index) => GrammarExpression.All(
        GrammarExpression.Text($"{ToolCallReader.Begin}\n{{\"name\": "),
        JsonTexts.Exactly(function.Name),
        GrammarExpression.Text(", \"arguments\": "),
        Arguments(texts, function, index),
        GrammarExpression.Text($"}}\n{ToolCallReader.End}"));

    // Arguments are an object, whatever else their schema leaves open.
    private static GrammarExpression Arguments(JsonTexts texts, AIFunctionDeclaration function, int index)
    {
        JsonSchemaReader schema = new(texts, function.JsonSchema, $"function-{index}");
        return function.JsonSchema is { ValueKind: System.Text.Json.JsonValueKind.Object } given && given.EnumerateObject().Any() ? schema.Read() : texts.AnyObject;
    }
}
