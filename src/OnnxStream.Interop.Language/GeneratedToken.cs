namespace OnnxStream.Interop.Language;

/// <summary>A token of an answer.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">The text that is certain with it and was not before: often the token's own, nothing where a character or a stop string may go on, or more where that came out otherwise.</param>
public sealed record GeneratedToken(int Id, string Text)
{
    /// <summary>How likely the model found it; null unless <see cref="GenerationOptions.TopLogProbabilities"/> asks for it.</summary>
    public float? LogProbability { get; init; }

    /// <summary>The likeliest tokens, the first one first; empty unless <see cref="GenerationOptions.TopLogProbabilities"/> asks for them.</summary>
    public IReadOnlyList<TokenProbability> Alternatives { get; init; } = [];
}
