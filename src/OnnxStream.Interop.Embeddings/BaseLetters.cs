using System.Text;

namespace OnnxStream.Interop.Embeddings;

/// <summary>Letters without their accents: the canonical decomposition of Unicode (NFD), less all marks of category Mn.</summary>
/// <remarks>.NET decomposes nothing in programs with <c>InvariantGlobalization</c>, so the table is in this assembly. It is of Unicode 14.</remarks>
internal static class BaseLetters
{
    // https://www.unicode.org/versions/latest/core-spec/chapter-3/#G24646: syllables are numbered by their leading, vowel and trailing parts.
    private const int FirstSyllable = 0xAC00, LastSyllable = 0xD7A3;
    private const int FirstLead = 0x1100, FirstVowel = 0x1161, FirstTrail = 0x11A7;
    private const int VowelCount = 21, TrailCount = 28;

    private static readonly Dictionary<int, string> s_table = ReadTable();

    /// <summary>Appends what is left of a character.</summary>
    public static void Append(Rune character, StringBuilder text)
    {
        if (Rune.GetUnicodeCategory(character) == System.Globalization.UnicodeCategory.NonSpacingMark)
        {
            return;
        }

        if (character.Value is >= FirstSyllable and <= LastSyllable)
        {
            int index = character.Value - FirstSyllable;
            _ = text.Append((char)(FirstLead + (index / (VowelCount * TrailCount))));
            _ = text.Append((char)(FirstVowel + (index / TrailCount % VowelCount)));
            if (index % TrailCount != 0)
            {
                _ = text.Append((char)(FirstTrail + (index % TrailCount)));
            }
        }
        else if (!character.IsAscii && s_table.TryGetValue(character.Value, out string? rest))
        {
            _ = text.Append(rest);
        }
        else
        {
            Span<char> units = stackalloc char[2];
            _ = text.Append(units[..character.EncodeToUtf16(units)]);
        }
    }

    private static Dictionary<int, string> ReadTable()
    {
        Dictionary<int, string> table = [];
        using StreamReader reader = new(typeof(BaseLetters).Assembly.GetManifestResourceStream("base-letters.txt")!);
        while (reader.ReadLine() is { } line)
        {
            int tab = line.IndexOf('\t', StringComparison.Ordinal);
            table.Add(Rune.GetRuneAt(line, 0).Value, line[(tab + 1)..]);
        }

        return table;
    }
}
