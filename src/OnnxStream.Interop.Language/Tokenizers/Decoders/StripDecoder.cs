namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>Takes a few occurrences of a text away at the ends of each token.</summary>
internal sealed class StripDecoder(string content, int start, int stop) : TokenTextDecoder
{
    /// <inheritdoc/>
    public override List<string> Decode(List<string> tokens) => [.. tokens.Select(token =>
    {
        for (int i = 0; i < start && content.Length > 0 && token.StartsWith(content, StringComparison.Ordinal); i++)
        {
            token = token[content.Length..];
        }

        for (int i = 0; i < stop && content.Length > 0 && token.EndsWith(content, StringComparison.Ordinal); i++)
        {
            token = token[..^content.Length];
        }

        return token;
    })];
}
