namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>Other text where a pattern occurs in a token.</summary>
internal sealed class ReplaceDecoder(TextPattern pattern, string content) : TokenTextDecoder
{
    /// <inheritdoc/>
    public override List<string> Decode(List<string> tokens) => [.. tokens.Select(token => pattern.Replace(token, content))];
}
