using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Language.Sampling;

/// <summary>Guesses what follows from what followed the same tokens before. https://github.com/apoorvumang/prompt-lookup-decoding</summary>
internal static class PromptLookup
{
    private const int LongestMatch = 3;

    /// <summary>The tokens that came behind the last occurrence of the text's end; none where it has not occurred.</summary>
    /// <param name="text">The text so far.</param>
    /// <param name="count">The most tokens to guess.</param>
    public static ReadOnlySpan<int> Guess(List<int> text, int count)
    {
        ReadOnlySpan<int> tokens = CollectionsMarshal.AsSpan(text);
        for (int length = Math.Min(LongestMatch, tokens.Length - 1); length > 0; length--)
        {
            int place = tokens[..^1].LastIndexOf(tokens[^length..]);
            if (place >= 0)
            {
                int start = place + length;
                return tokens.Slice(start, Math.Min(count, tokens.Length - start));
            }
        }

        return [];
    }
}
