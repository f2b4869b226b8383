namespace OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

/// <summary>GPT-2's: divides a text into words with the space before them, and writes their bytes as characters.</summary>
internal sealed class ByteLevelPreTokenizer(bool addPrefixSpace, bool useExpression) : PreTokenizer
{
    private static readonly SplitPreTokenizer s_words = new(
        TextPattern.FromExpression(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"), SplitBehavior.Isolated, invert: false);

    /// <inheritdoc/>
    public override IEnumerable<string> Split(string text, bool isFirst)
    {
        text = addPrefixSpace && !text.StartsWith(' ') ? " " + text : text;
        return (useExpression ? s_words.Split(text, isFirst) : [text]).Select(piece => ByteAlphabet.Encode(piece));
    }
}
