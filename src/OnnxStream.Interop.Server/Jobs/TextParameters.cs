using System.Text.Json;

namespace OnnxStream.Interop.Server.Jobs;

/// <summary>What a language model shall answer, and how. What is null is as the model suggests.</summary>
public sealed record TextParameters
{
    /// <summary>The messages of a conversation, the first one first; null for a completion.</summary>
    public IReadOnlyList<TextMessage>? Messages { get; init; }

    /// <summary>The text that is gone on with; null for a conversation.</summary>
    public string? Prompt { get; init; }

    /// <summary>The functions that the model may ask for, as JSON with <c>name</c>, <c>description</c> and <c>parameters</c> (a JSON schema).</summary>
    public IReadOnlyList<JsonElement>? Tools { get; init; }

    /// <summary>The most tokens of the answer.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>What scores are divided by before a token is drawn; 0 takes the likeliest.</summary>
    public float? Temperature { get; init; }

    /// <summary>The probability that the tokens have together that may be drawn.</summary>
    public float? TopP { get; init; }

    /// <summary>How many of the likeliest tokens may be drawn; 0 for all.</summary>
    public int? TopK { get; init; }

    /// <summary>What is subtracted from a token's score for each time that it occurred in the answer.</summary>
    public float? FrequencyPenalty { get; init; }

    /// <summary>What is subtracted from a token's score if it occurred in the answer.</summary>
    public float? PresencePenalty { get; init; }

    /// <summary>The seed of what is drawn.</summary>
    public long? Seed { get; init; }

    /// <summary>Texts that end the answer.</summary>
    public IReadOnlyList<string>? Stop { get; init; }

    /// <summary>Whether the answer is a JSON object.</summary>
    public bool? Json { get; init; }

    /// <summary>The JSON schema that the answer fits.</summary>
    public JsonElement? JsonSchema { get; init; }

    /// <summary>The grammar that the answer fits, in GBNF (llama.cpp's form).</summary>
    public string? Grammar { get; init; }

    /// <summary>Whether the answer is the call of a function.</summary>
    public bool? RequiresTool { get; init; }

    /// <summary>The function that it is the call of; null for any.</summary>
    public string? RequiredTool { get; init; }

    /// <summary>Whether it may be several calls.</summary>
    public bool? ParallelToolCalls { get; init; }
}
