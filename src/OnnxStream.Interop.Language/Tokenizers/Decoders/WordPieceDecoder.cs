namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>Puts words together from their parts, with spaces between.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleansUp) : TokenTextDecoder
{
    private static readonly (string Text, string Instead)[] s_cleanups =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    /// <inheritdoc/>
    public override List<string> Decode(List<string> tokens) => [.. tokens.Select((token, i) =>
    {
        token = i == 0 ? token : token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : $" {token}";
        return cleansUp ? s_cleanups.Aggregate(token, (text, cleanup) => text.Replace(cleanup.Text, cleanup.Instead, StringComparison.Ordinal)) : token;
    })];
}
