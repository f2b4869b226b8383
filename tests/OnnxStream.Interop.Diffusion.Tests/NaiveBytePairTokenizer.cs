using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Diffusion.Tests;

/// <summary>CLIP's rule, written down as plainly as possible: what <see cref="ClipTokenizer"/> is compared with.</summary>
internal sealed class NaiveBytePairTokenizer(IReadOnlyDictionary<string, int> vocabulary, IReadOnlyList<(string Left, string Right)> merges)
{
    /// <summary>The 256 characters that stand for bytes, in the order in which CLIP's vocabulary lists them: the printable ones first.</summary>
    public static IReadOnlyList<(byte Value, char Symbol)> ByteSymbols { get; } = ListByteSymbols();

    /// <summary>CLIP's vocabulary for some merges: the bytes, the bytes at a word's end, the merges, begin and end.</summary>
    public static Dictionary<string, int> VocabularyFor(IEnumerable<(string Left, string Right)> merges)
    {
        Dictionary<string, int> vocabulary = [];
        foreach (string token in ByteSymbols.Select(entry => entry.Symbol.ToString())
            .Concat(ByteSymbols.Select(entry => entry.Symbol + "</w>"))
            .Concat(merges.Select(pair => pair.Left + pair.Right))
            .Concat(["<|startoftext|>", "<|endoftext|>"]))
        {
            _ = vocabulary.TryAdd(token, vocabulary.Count);
        }

        return vocabulary;
    }

    /// <summary>Learns merges from words, the most frequent pair first.</summary>
    public static List<(string Left, string Right)> Learn(string text, int count)
    {
        List<List<string>> words = [.. Words(text).Select(Symbols)];
        List<(string Left, string Right)> merges = [];
        while (merges.Count < count)
        {
            (string, string)[] pairs = [.. words.SelectMany(word => word.Zip(word.Skip(1)))];
            if (pairs.Length == 0)
            {
                break;
            }

            (string, string) best = pairs.CountBy(pair => pair).OrderByDescending(entry => entry.Value).ThenBy(entry => entry.Key.ToString(), StringComparer.Ordinal).First().Key;
            merges.Add(best);
            words = [.. words.Select(word => Merge(word, best))];
        }

        return merges;
    }

    public List<int> Tokenize(string text)
    {
        List<int> ids = [];
        foreach (string word in Words(text.ToLowerInvariant()))
        {
            List<string> symbols = Symbols(word);
            while (true)
            {
                int best = merges.Index().Where(entry => symbols.Zip(symbols.Skip(1)).Contains(entry.Item)).Select(entry => entry.Index).FirstOrDefault(-1);
                if (best < 0)
                {
                    break;
                }

                symbols = Merge(symbols, merges[best]);
            }

            ids.AddRange(symbols.Select(symbol => vocabulary[symbol]));
        }

        return ids;
    }

    private static IEnumerable<string> Words(string text)
    {
        string[] contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
        string[] runes = [.. text.EnumerateRunes().Select(rune => rune.ToString())];
        for (int i = 0; i < runes.Length;)
        {
            string rest = string.Concat(runes.Skip(i).Take(3));
            string? contraction = contractions.FirstOrDefault(item => rest.StartsWith(item, StringComparison.Ordinal));
            char kind = Kind(runes[i]);
            int length = contraction?.Length ?? (kind == 'N' ? 1 : runes.Skip(i).TakeWhile(rune => Kind(rune) == kind).Count());
            if (kind != ' ')
            {
                yield return string.Concat(runes.Skip(i).Take(length));
            }

            i += length;
        }

        static char Kind(string rune) =>
            char.IsWhiteSpace(rune, 0) ? ' ' : CharUnicodeInfo.GetUnicodeCategory(rune, 0).ToString() switch
            {
                string name when name.EndsWith("Letter", StringComparison.Ordinal) => 'L',
                string name when name.EndsWith("Number", StringComparison.Ordinal) => 'N',
                _ => '.',
            };
    }

    private static List<string> Symbols(string word)
    {
        List<string> symbols = [.. Encoding.UTF8.GetBytes(word).Select(value => ByteSymbols.First(entry => entry.Value == value).Symbol.ToString())];
        symbols[^1] += "</w>";
        return symbols;
    }

    private static List<string> Merge(List<string> symbols, (string Left, string Right) pair)
    {
        List<string> merged = [];
        for (int i = 0; i < symbols.Count; i++)
        {
            if (i + 1 < symbols.Count && symbols[i] == pair.Left && symbols[i + 1] == pair.Right)
            {
                merged.Add(symbols[i] + symbols[++i]);
            }
            else
            {
                merged.Add(symbols[i]);
            }
        }

        return merged;
    }

    private static List<(byte Value, char Symbol)> ListByteSymbols()
    {
        List<(byte Value, char Symbol)> symbols = [];
        for (int value = 0; value < 256; value++)
        {
            if (value is (>= '!' and <= '~') or (>= '¡' and <= '¬') or >= '®')
            {
                symbols.Add(((byte)value, (char)value));
            }
        }

        int others = 0;
        for (int value = 0; value < 256; value++)
        {
            if (symbols.All(entry => entry.Value != value))
            {
                symbols.Add(((byte)value, (char)(256 + others++)));
            }
        }

        return symbols;
    }
}
