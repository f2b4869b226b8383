namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>Several decoders, one after the other.</summary>
internal sealed class SequenceDecoder(TokenTextDecoder[] decoders) : TokenTextDecoder
{
    /// <inheritdoc/>
    public override List<string> Decode(List<string> tokens) => decoders.Aggregate(tokens, (current, decoder) => decoder.Decode(current));

    /// <inheritdoc/>
    public override byte[]? FindBytes(string token) => decoders.Select(decoder => decoder.FindBytes(token)).FirstOrDefault(bytes => bytes is not null);
}
