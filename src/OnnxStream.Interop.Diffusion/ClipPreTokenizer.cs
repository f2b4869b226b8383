using System.Globalization;
using System.Text;
using Microsoft.ML.Tokenizers;

namespace OnnxStream.Interop.Diffusion;

/// <summary>
/// Splits text where CLIP does: a contraction ('s 't 're 've 'm 'll 'd), a run of letters, a single digit,
/// or a run of anything else that is not white space.
/// </summary>
/// <remarks>
/// It goes by Unicode code points. The regular expressions of .NET go by UTF-16 units, to which a letter outside of the basic
/// plane is a pair of surrogates and no letter.
/// </remarks>
internal sealed class ClipPreTokenizer : PreTokenizer
{
    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Space,
        Letter,
        Digit,
        Other,
    }

    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text) => Split(text);

    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => Split(text);

    private static List<(int Offset, int Length)> Split(ReadOnlySpan<char> text)
    {
        List<(int Offset, int Length)> pieces = [];
        for (int start = 0; start < text.Length;)
        {
            int length = ContractionLength(text[start..]);
            if (length == 0)
            {
                Kind kind = KindAt(text, start, out length);
                if (kind == Kind.Space)
                {
                    start += length;
                    continue;
                }

                while (kind != Kind.Digit && start + length < text.Length && KindAt(text, start + length, out int next) == kind)
                {
                    length += next;
                }
            }

            pieces.Add((start, length));
            start += length;
        }

        return pieces;
    }

    private static int ContractionLength(ReadOnlySpan<char> text)
    {
        foreach (string contraction in Contractions)
        {
            if (text.StartsWith(contraction, StringComparison.Ordinal))
            {
                return contraction.Length;
            }
        }

        return 0;
    }

    private static Kind KindAt(ReadOnlySpan<char> text, int index, out int length)
    {
        _ = Rune.DecodeFromUtf16(text[index..], out Rune rune, out length);
        return Rune.IsWhiteSpace(rune) ? Kind.Space : Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
            UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Digit,
            _ => Kind.Other,
        };
    }
}
