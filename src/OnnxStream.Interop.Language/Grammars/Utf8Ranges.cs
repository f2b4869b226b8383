using System.Text;

namespace OnnxStream.Interop.Language.Grammars;

/// <summary>A range of characters as sequences of ranges of bytes. The way is that of Thompson's grep for UTF-8 (https://swtch.com/~rsc/regexp/regexp3.html).</summary>
internal static class Utf8Ranges
{
    private static readonly int[] s_lastOfLength = [0x7F, 0x7FF, 0xFFFF, CodePointSet.Last];

    /// <summary>The sequences, each of one to four ranges; together they are exactly the characters.</summary>
    /// <param name="first">The first code point; no surrogate is between it and the last.</param>
    /// <param name="last">The last code point.</param>
    public static IEnumerable<(byte First, byte Last)[]> Of(int first, int last)
    {
        // Characters of one length.
        foreach (int end in s_lastOfLength)
        {
            if (first <= end && end < last)
            {
                return Of(first, end).Concat(Of(end + 1, last));
            }
        }

        // Bytes at the end are free only where all of them are.
        for (int bits = 6; first > 0x7F && bits <= 18; bits += 6)
        {
            int low = (1 << bits) - 1;
            if ((first & ~low) == (last & ~low))
            {
                continue;
            }

            if ((first & low) != 0)
            {
                return Of(first, first | low).Concat(Of((first | low) + 1, last));
            }

            if ((last & low) != low)
            {
                return Of(first, (last & ~low) - 1).Concat(Of(last & ~low, last));
            }
        }

        byte[] from = Bytes(first);
        byte[] to = Bytes(last);
        return [[.. from.Zip(to)]];
    }

    private static byte[] Bytes(int codePoint) => Encoding.UTF8.GetBytes(new Rune(codePoint).ToString());
}
