namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>Puts all texts together.</summary>
internal sealed class FuseDecoder : TokenTextDecoder
{
    /// <inheritdoc/>
    public override List<string> Decode(List<string> tokens) => [string.Concat(tokens)];
}
