using System.Text;
using System.Text.Json;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>What an answer may be: a model that is held to it can only choose tokens that go on with it. It may be used by several answers and threads at once.</summary>
/// <example>
/// <code>
/// Grammar grammar = Grammar.FromGbnf("root ::= \"yes\" | \"no\"");
/// string answer = conversation.Generate(prompt, new GenerationOptions { Grammar = grammar }).ReadToEnd();
/// </code>
/// </example>
public sealed class Grammar
{
    /// <summary>The most characters of a grammar or a schema.</summary>
    public const int MostCharacters = 4 << 20;

    private static readonly Lazy<Grammar> s_jsonObject = new(() => FromRules(new JsonTexts(), texts => texts.AnyObject));

    internal Grammar(Automaton automaton)
    {
        Automaton = automaton;

        // A grammar that can be read in too many ways fails here if its beginning can.
        _ = new GrammarMachine(automaton);
    }

    /// <summary>Any JSON object.</summary>
    public static Grammar JsonObject => s_jsonObject.Value;

    internal Automaton Automaton { get; }

    /// <summary>Reads a grammar in GBNF, the form of llama.cpp's grammars. https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md</summary>
    /// <param name="text">The rules. A text is what the rule <c>root</c> says.</param>
    /// <exception cref="GrammarException">It is not such a grammar, a rule is missing or begins with itself, or it is too large.</exception>
    public static Grammar FromGbnf(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        CheckLength(text);
        return new Grammar(AutomatonBuilder.Build(GbnfParser.Parse(text), GbnfParser.Root));
    }

    /// <summary>Makes a grammar of the JSON texts that a schema describes, or some of them. https://json-schema.org/draft/2020-12</summary>
    /// <param name="schema">The schema. Objects have only the properties that are named, in that order, unless <c>additionalProperties</c> says otherwise.</param>
    /// <exception cref="GrammarException">It is no JSON schema, has a keyword that is not supported, nothing fits it, or it is too large.</exception>
    public static Grammar FromJsonSchema(string schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        CheckLength(schema);
        try
        {
            using JsonDocument document = JsonDocument.Parse(schema, new JsonDocumentOptions { MaxDepth = 128 });
            return FromJsonSchema(document.RootElement);
        }
        catch (JsonException exception)
        {
            throw new GrammarException($"The JSON schema is not JSON: {exception.Message}", exception);
        }
    }

    /// <inheritdoc cref="FromJsonSchema(string)"/>
    public static Grammar FromJsonSchema(JsonElement schema)
    {
        try
        {
            return FromRules(new JsonTexts(), texts => new JsonSchemaReader(texts, schema).Read());
        }
        catch (InvalidOperationException exception)
        {
            // Texts are looked at when they are read.
            throw new GrammarException("The JSON schema has a text with half of a surrogate pair.", exception);
        }
    }

    /// <summary>Whether a text is one that the grammar describes.</summary>
    /// <param name="text">The text.</param>
    public bool Matches(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        GrammarMachine machine = new(Automaton);
        int state = machine.Start;
        foreach (byte value in Encoding.UTF8.GetBytes(text))
        {
            state = machine.Next(state, value);
        }

        return machine.IsComplete(state);
    }

    /// <summary>Makes a grammar of the rules of JSON and what is built on them.</summary>
    internal static Grammar FromRules(JsonTexts texts, Func<JsonTexts, GrammarExpression> root)
    {
        texts.Rules[GbnfParser.Root] = root(texts);
        return new Grammar(AutomatonBuilder.Build(texts.Rules, GbnfParser.Root));
    }

    private static void CheckLength(string text)
    {
        if (text.Length > MostCharacters)
        {
            throw new GrammarException($"The text has {text.Length:N0} characters; a grammar or a schema has at most {MostCharacters:N0}.");
        }
    }
}
