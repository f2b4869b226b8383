namespace OnnxStream.Interop.Speech;

/// <summary>The first tokens of a text as the decoder has read them.</summary>
/// <param name="Tokens">The tokens.</param>
/// <param name="Logits">The scores behind each of them.</param>
/// <param name="Present">Their keys and values, and those of what was heard.</param>
internal sealed record WhisperPrompt(IReadOnlyList<int> Tokens, TensorBuffer Logits, IReadOnlyDictionary<string, TensorBuffer> Present)
{
    /// <summary>How many tokens there are.</summary>
    public int Count => Tokens.Count;

    /// <summary>The scores of what comes behind a token.</summary>
    public ReadOnlySpan<float> Scores(int place)
    {
        int width = (int)Logits.Shape[^1];
        return Logits.Span<float>().Slice(place * width, width);
    }
}
