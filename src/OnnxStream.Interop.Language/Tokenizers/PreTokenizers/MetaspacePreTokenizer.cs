namespace OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

/// <summary>SentencePiece's: a sign for each space, one before the text, and a piece for each word.</summary>
internal sealed class MetaspacePreTokenizer(string replacement, string prependScheme, bool split) : PreTokenizer
{
    /// <inheritdoc/>
    public override IEnumerable<string> Split(string text, bool isFirst)
    {
        text = text.Replace(" ", replacement, StringComparison.Ordinal);
        if ((prependScheme == "always" || (prependScheme == "first" && isFirst)) && !text.StartsWith(replacement, StringComparison.Ordinal))
        {
            text = replacement + text;
        }

        if (!split)
        {
            return [text];
        }

        List<string> pieces = [];
        int start = 0;
        for (int i = text.IndexOf(replacement, StringComparison.Ordinal); i >= 0; i = text.IndexOf(replacement, i + replacement.Length, StringComparison.Ordinal))
        {
            if (i > start)
            {
                pieces.Add(text[start..i]);
                start = i;
            }
        }

        if (start < text.Length)
        {
            pieces.Add(text[start..]);
        }

        return pieces;
    }
}
