using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Embeddings;

/// <summary>Splits a text into the words that BERT's WordPiece takes: cleaned, perhaps without capitals and accents, cut at spaces, punctuation and CJK ideographs.</summary>
/// <remarks>
/// The rules are those of the reference (Devlin et al., "BERT", 2018, <c>tokenization.py</c>) as Hugging Face's tokenizers apply them: all characters of
/// category C are left out, and a text is lower-cased one character at a time. Microsoft.ML.Tokenizers has the same rules, but .NET keeps
/// accents in programs with <c>InvariantGlobalization</c>.
/// </remarks>
internal static class BertWords
{
    /// <summary>The words of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="isUncased">Whether capitals become small and accents are left out.</param>
    /// <param name="most">The most words that are of interest; what comes behind them is not looked at.</param>
    public static List<string> Split(ReadOnlySpan<char> text, bool isUncased, int most = int.MaxValue)
    {
        List<string> words = [];
        StringBuilder word = new(), letters = new();
        foreach (Rune character in text.EnumerateRunes())
        {
            if (words.Count >= most)
            {
                return words;
            }

            // A half of a surrogate pair is enumerated as U+FFFD.
            if (IsSpace(character))
            {
                End();
            }
            else if (character.Value is 0 or 0xFFFD || IsOther(character))
            {
            }
            else if (isUncased)
            {
                _ = letters.Clear();
                BaseLetters.Append(character, letters);
                bool isIdeograph = IsIdeograph(character.Value);
                foreach (ReadOnlyMemory<char> chunk in letters.GetChunks())
                {
                    foreach (Rune letter in chunk.Span.EnumerateRunes())
                    {
                        Add(Rune.ToLowerInvariant(letter), isIdeograph);
                    }
                }
            }
            else
            {
                Add(character, IsIdeograph(character.Value));
            }
        }

        End();
        return words;

        void Add(Rune character, bool isIdeograph)
        {
            bool isAlone = isIdeograph || IsPunctuation(character);
            if (isAlone)
            {
                End();
            }

            Span<char> units = stackalloc char[2];
            _ = word.Append(units[..character.EncodeToUtf16(units)]);
            if (isAlone)
            {
                End();
            }
        }

        void End()
        {
            if (word.Length > 0)
            {
                words.Add(word.ToString());
                _ = word.Clear();
            }
        }
    }

    private static bool IsSpace(Rune character) => character.Value is '\t' or '\n' or '\r' || (Rune.IsWhiteSpace(character) && Rune.GetUnicodeCategory(character) != UnicodeCategory.Control);

    private static bool IsOther(Rune character) => Rune.GetUnicodeCategory(character) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned;

    // Of ASCII all that is neither letter nor digit counts, such as "$" and "^", which Unicode calls symbols.
    private static bool IsPunctuation(Rune character) => character.IsAscii
        ? character.Value is (>= 33 and <= 47) or (>= 58 and <= 64) or (>= 91 and <= 96) or (>= 123 and <= 126)
        : Rune.GetUnicodeCategory(character) is UnicodeCategory.ConnectorPunctuation or UnicodeCategory.DashPunctuation or UnicodeCategory.OpenPunctuation
            or UnicodeCategory.ClosePunctuation or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation or UnicodeCategory.OtherPunctuation;

    // The blocks that the reference names; kana and Hangul are written with spaces or not, and are not cut.
    private static bool IsIdeograph(int code) => code is
        (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x2A6DF) or
        (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F) or (>= 0x2B820 and <= 0x2CEAF) or (>= 0x2F800 and <= 0x2FA1F);
}
