using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>Makes text of characters that stand for bytes.</summary>
internal sealed class ByteLevelDecoder : TokenTextDecoder
{
    /// <inheritdoc/>
    public override List<string> Decode(List<string> tokens)
    {
        List<byte> bytes = [];
        tokens.ForEach(token => ByteAlphabet.Decode(token, bytes));
        return [Encoding.UTF8.GetString([.. bytes])];
    }

    /// <inheritdoc/>
    public override byte[] FindBytes(string token)
    {
        List<byte> bytes = [];
        ByteAlphabet.Decode(token, bytes);
        return [.. bytes];
    }
}
