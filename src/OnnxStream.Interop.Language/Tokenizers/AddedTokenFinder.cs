using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>Finds added tokens in a text: from left to right, the longest one at each place.</summary>
internal sealed class AddedTokenFinder
{
    private readonly Dictionary<char, (string Text, AddedToken Token)[]> _tokens;

    /// <summary>Prepares the search.</summary>
    /// <param name="tokens">The texts to find, and whose they are.</param>
    public AddedTokenFinder(IEnumerable<(string Text, AddedToken Token)> tokens) =>
        _tokens = tokens.Where(entry => entry.Text.Length > 0).GroupBy(entry => entry.Text[0])
            .ToDictionary(group => group.Key, group => group.OrderByDescending(entry => entry.Text.Length).ToArray());

    /// <summary>The parts of a text: an added token, or text between.</summary>
    public IEnumerable<(AddedToken? Token, string Text)> Split(string text)
    {
        if (_tokens.Count == 0)
        {
            return text.Length == 0 ? [] : [(null, text)];
        }

        List<(AddedToken?, string)> parts = [];
        int last = 0;
        for (int i = 0; i < text.Length;)
        {
            if (Find(text, i) is not { } found)
            {
                i++;
                continue;
            }

            (int start, int end) = (i, i + found.Text.Length);
            i = end;
            if (found.Token.IsSingleWord && (EndsWithWord(text, start) || BeginsWithWord(text, end)))
            {
                continue;
            }

            while (found.Token.TakesLeft && start > last && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }

            while (found.Token.TakesRight && end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }

            if (last < start)
            {
                parts.Add((null, text[last..start]));
            }

            parts.Add((found.Token, text[start..end]));
            last = end;
            i = Math.Max(i, end);
        }

        if (last < text.Length)
        {
            parts.Add((null, text[last..]));
        }

        return parts;
    }

    private (string Text, AddedToken Token)? Find(string text, int start)
    {
        foreach ((string Text, AddedToken Token) entry in _tokens.GetValueOrDefault(text[start], []))
        {
            if (text.AsSpan(start).StartsWith(entry.Text, StringComparison.Ordinal))
            {
                return entry;
            }
        }

        return null;
    }

    private static bool EndsWithWord(string text, int end) =>
        end > 0 && (Rune.DecodeLastFromUtf16(text.AsSpan(0, end), out Rune rune, out _) == System.Buffers.OperationStatus.Done) && IsWord(rune);

    private static bool BeginsWithWord(string text, int start) =>
        start < text.Length && (Rune.DecodeFromUtf16(text.AsSpan(start), out Rune rune, out _) == System.Buffers.OperationStatus.Done) && IsWord(rune);

    private static bool IsWord(Rune rune) => Rune.IsLetter(rune) || Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation or
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
}
