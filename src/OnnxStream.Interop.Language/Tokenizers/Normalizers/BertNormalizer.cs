using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>What BERT does: control characters go, white space becomes spaces, Chinese characters stand alone, accents and capitals go. https://github.com/google-research/bert/blob/master/tokenization.py</summary>
internal sealed class BertNormalizer(bool cleanText, bool handleChinese, bool stripAccents, bool lowercase) : Normalizer
{
    private static readonly StripAccentsNormalizer s_accents = new();

    /// <inheritdoc/>
    public override string Normalize(string text)
    {
        if (cleanText || handleChinese)
        {
            StringBuilder result = new(text.Length);
            foreach (Rune rune in text.EnumerateRunes())
            {
                if (cleanText && (rune.Value is 0 or 0xFFFD || IsControl(rune)))
                {
                    continue;
                }

                if (cleanText && (rune.Value is '\t' or '\n' or '\r' || Rune.IsWhiteSpace(rune)))
                {
                    result.Append(' ');
                }
                else if (handleChinese && IsChinese(rune.Value))
                {
                    result.Append(' ').Append(rune.ToString()).Append(' ');
                }
                else
                {
                    result.Append(rune.ToString());
                }
            }

            text = result.ToString();
        }

        text = stripAccents ? s_accents.Normalize(UnicodeForms.Normalize(text, NormalizationForm.FormD)) : text;
        return lowercase ? LowercaseNormalizer.Lower(text) : text;
    }

    private static bool IsControl(Rune rune) => rune.Value is not ('\t' or '\n' or '\r') &&
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse;

    private static bool IsChinese(int value) => value is
        (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F) or
        (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
}
