namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>A space for the sign that ends a word; none for the last one.</summary>
internal sealed class SuffixDecoder(string suffix) : TokenTextDecoder
{
    /// <inheritdoc/>
    public override List<string> Decode(List<string> tokens) =>
        [.. tokens.Select((token, i) => suffix.Length == 0 ? token : token.Replace(suffix, i == tokens.Count - 1 ? "" : " ", StringComparison.Ordinal))];
}
