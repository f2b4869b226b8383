using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>Takes marks away that stand on letters; the text must have been decomposed.</summary>
internal sealed class StripAccentsNormalizer : Normalizer
{
    /// <inheritdoc/>
    public override string Normalize(string text)
    {
        StringBuilder result = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark)
            {
                result.Append(rune.ToString());
            }
        }

        return result.ToString();
    }
}
