namespace OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

/// <summary>Several pre-tokenizers; each divides what the one before it made.</summary>
internal sealed class SequencePreTokenizer(PreTokenizer[] parts) : PreTokenizer
{
    /// <inheritdoc/>
    public override IEnumerable<string> Split(string text, bool isFirst)
    {
        IEnumerable<string> pieces = [text];
        foreach (PreTokenizer part in parts)
        {
            pieces = [.. pieces.SelectMany((piece, i) => part.Split(piece, isFirst && i == 0))];
        }

        return pieces;
    }
}
