namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>Spaces for SentencePiece's sign; none for that before the text.</summary>
internal sealed class MetaspaceDecoder(string replacement, bool dropsFirst) : TokenTextDecoder
{
    /// <inheritdoc/>
    public override List<string> Decode(List<string> tokens) =>
        [.. tokens.Select((token, i) => token.Replace(replacement, i == 0 && dropsFirst ? "" : " ", StringComparison.Ordinal))];
}
