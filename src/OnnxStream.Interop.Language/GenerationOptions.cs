using OnnxStream.Interop.Language.Grammars;

namespace OnnxStream.Interop.Language;

/// <summary>How tokens are chosen and when an answer ends. The defaults take the likeliest token each time. Immutable: derive variants with <c>with</c>.</summary>
/// <remarks>
/// What is said here changes the scores of the next token in the order of Hugging Face's transformers: bias, penalties, temperature, then the filters
/// top-k, top-p, min-p and typical.
/// </remarks>
public sealed record GenerationOptions
{
    /// <summary>The most tokens of the answer; null (the default) for as many as the context has room for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not positive.</exception>
    public int? MostTokens
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The most tokens of an answer must be positive.");
    }

    /// <summary>What scores are divided by before a token is drawn; 0 (the default) takes the likeliest token, and draws nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative or not finite.</exception>
    public float Temperature
    {
        get;
        init => field = value >= 0 && float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The temperature must be a finite number of at least 0.");
    }

    /// <summary>How many of the likeliest tokens may be drawn; 0 (the default) for all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public int TopK
    {
        get;
        init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "Top-k must not be negative.");
    }

    /// <summary>The probability that the likeliest tokens have together, which may be drawn (nucleus sampling, https://arxiv.org/abs/1904.09751); 1 (the default) for all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not more than 0 and at most 1.</exception>
    public float TopP
    {
        get;
        init => field = value is > 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "Top-p must be more than 0 and at most 1.");
    } = 1;

    /// <summary>The smallest probability of a token that may be drawn, as a part of the likeliest one's (https://arxiv.org/abs/2407.01082); 0 (the default) for all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not between 0 and 1.</exception>
    public float MinP
    {
        get;
        init => field = value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "Min-p must be at least 0 and at most 1.");
    }

    /// <summary>The probability that tokens have together whose surprise is nearest to the expected one (locally typical sampling, https://arxiv.org/abs/2202.00666); 1 (the default) for all.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not more than 0 and at most 1.</exception>
    public float TypicalP
    {
        get;
        init => field = value is > 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "Typical-p must be more than 0 and at most 1.");
    } = 1;

    /// <summary>What the positive scores of tokens that occurred are divided by, and negative ones multiplied by (https://arxiv.org/abs/1909.05858); 1 (the default) for nothing. The prompt counts.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not a positive number.</exception>
    public float RepetitionPenalty
    {
        get;
        init => field = value > 0 && float.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The penalty for repetition must be a positive number.");
    } = 1;

    /// <summary>What is subtracted from a token's score for each time that it occurred in the answer; 0 (the default) for nothing.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>What is subtracted from a token's score if it occurred in the answer; 0 (the default) for nothing.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>What is added to the scores of tokens, by id; negative infinity forbids one.</summary>
    public IReadOnlyDictionary<int, float> LogitBias { get; init; } = new Dictionary<int, float>();

    /// <summary>Texts that end the answer, and are not part of it. They may begin inside of one token and end inside of another.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>
    /// What the answer may be; null (the default) for any text. Tokens that do not go on with it are never chosen, and the answer cannot end before it is whole; it can
    /// still be cut by <see cref="MostTokens"/>, a stop string or the end of the context.
    /// </summary>
    public Grammar? Grammar { get; init; }

    /// <summary>The number that decides what is drawn: the same seed draws the same tokens on every machine that computes the same scores. Null (the default) for another one each time.</summary>
    public long? Seed { get; init; }

    /// <summary>Whether the tokens that end an answer are taken like any other; for measurements.</summary>
    public bool IgnoreEndTokens { get; init; }

    /// <summary>How many of the likeliest tokens are reported with their probabilities, besides the chosen one; null (the default) reports none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative.</exception>
    public int? TopLogProbabilities
    {
        get;
        init => field = value is null or >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The number of tokens that are reported must not be negative.");
    }

    /// <summary>
    /// How many tokens are guessed from what the text had before, and checked in one run (prompt lookup, https://github.com/apoorvumang/prompt-lookup-decoding): 0 (the
    /// default) for none, at most 7. The tokens are the same; where the text repeats itself, they come quicker.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not between 0 and 7.</exception>
    public int LookupTokens
    {
        get;
        init => field = value is >= 0 and <= 7 ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "The number of tokens that are guessed must be at least 0 and at most 7.");
    }
}
