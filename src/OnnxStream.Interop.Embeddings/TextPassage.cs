namespace OnnxStream.Interop.Embeddings;

/// <summary>A part of a text that is searched for as a whole.</summary>
/// <param name="Source">Where it is from, such as the path of a file.</param>
/// <param name="Line">The number of its first line; 1 is the first.</param>
/// <param name="Text">The text.</param>
public sealed record TextPassage(string Source, int Line, string Text)
{
    // As long as what models for embeddings are trained on, and short enough for any of them.
    private const int DefaultMostWords = 120;

    /// <summary>Divides a text into passages: paragraphs, short ones together, long ones cut at the ends of lines, or of words where a line is too long.</summary>
    /// <param name="source">Where it is from.</param>
    /// <param name="text">The text.</param>
    /// <param name="mostWords">The most words of a passage.</param>
    public static IReadOnlyList<TextPassage> Split(string source, string text, int mostWords = DefaultMostWords)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(mostWords);
        List<TextPassage> passages = [];
        List<string> words = [];
        int line = 0, first = 1;
        bool isParagraphOver = false;
        foreach (ReadOnlySpan<char> content in text.AsSpan().EnumerateLines())
        {
            line++;
            string[] more = content.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (more.Length == 0)
            {
                isParagraphOver = true;
                continue;
            }

            // A paragraph goes on in the same passage while that is short; a heading stays with what follows it.
            if (words.Count + more.Length > mostWords || (isParagraphOver && words.Count > mostWords / 4))
            {
                End();
            }

            isParagraphOver = false;
            foreach (string word in more)
            {
                if (words.Count == mostWords)
                {
                    End();
                }

                if (words.Count == 0)
                {
                    first = line;
                }

                words.Add(word);
            }
        }

        End();
        return passages;

        void End()
        {
            if (words.Count > 0)
            {
                passages.Add(new TextPassage(source, first, string.Join(' ', words)));
                words.Clear();
            }
        }
    }
}
