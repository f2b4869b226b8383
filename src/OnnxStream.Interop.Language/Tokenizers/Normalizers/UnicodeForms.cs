using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>Unicode's normalization forms. https://unicode.org/reports/tr15/</summary>
/// <remarks>
/// <see cref="string.Normalize()"/> does nothing in programs with invariant globalization, as the command-line tool is. The data are those of Python's
/// <c>unicodedata</c> (make_unicode_forms.py).
/// </remarks>
internal sealed class UnicodeForms
{
    private const string Resource = "unicode-forms.txt";

    // Syllables of Hangul, and the letters that they are made of.
    private const int SyllableBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TrailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TrailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TrailCount;

    private static readonly Lazy<UnicodeForms> s_instance = new(() => new UnicodeForms());

    private readonly Dictionary<int, int[]> _canonical = [];
    private readonly Dictionary<int, int[]> _compatible = [];
    private readonly Dictionary<int, byte> _classes = [];
    private readonly Dictionary<(int, int), int> _compositions = [];

    private UnicodeForms()
    {
        using StreamReader reader = new(typeof(UnicodeForms).Assembly.GetManifestResourceStream(Resource)!);
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
            {
                continue;
            }

            bool isExcluded = line[0] == '!';
            ReadOnlySpan<char> rest = line.AsSpan(isExcluded ? 1 : 0);
            int space = rest.IndexOf(' ');
            int character = Parse(rest[..space]);
            rest = rest[(space + 1)..];
            int sign = rest.IndexOfAny('=', '~');
            byte combining = byte.Parse(sign < 0 ? rest : rest[..sign], CultureInfo.InvariantCulture);
            if (combining > 0)
            {
                _classes.Add(character, combining);
            }

            if (sign < 0)
            {
                continue;
            }

            int[] parts = [.. rest[(sign + 1)..].ToString().Split(' ').Select(part => Parse(part))];
            (rest[sign] == '=' ? _canonical : _compatible).Add(character, parts);
            if (rest[sign] == '=' && parts.Length == 2 && !isExcluded)
            {
                _compositions.Add((parts[0], parts[1]), character);
            }
        }
    }

    /// <summary>The text in a form.</summary>
    public static string Normalize(string text, NormalizationForm form) =>
        System.Text.Ascii.IsValid(text) ? text : s_instance.Value.Change(text, form);

    private static int Parse(ReadOnlySpan<char> text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private string Change(string text, NormalizationForm form)
    {
        bool isCompatible = form is NormalizationForm.FormKC or NormalizationForm.FormKD;
        List<int> characters = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, isCompatible, characters);
        }

        Order(characters);
        if (form is NormalizationForm.FormC or NormalizationForm.FormKC)
        {
            Compose(characters);
        }

        StringBuilder result = new(characters.Count);
        characters.ForEach(character => result.Append(new Rune(character).ToString()));
        return result.ToString();
    }

    private void Decompose(int character, bool isCompatible, List<int> characters)
    {
        int syllable = character - SyllableBase;
        if (syllable is >= 0 and < SyllableCount)
        {
            characters.Add(LeadBase + syllable / (VowelCount * TrailCount));
            characters.Add(VowelBase + syllable % (VowelCount * TrailCount) / TrailCount);
            if (syllable % TrailCount != 0)
            {
                characters.Add(TrailBase + syllable % TrailCount);
            }
        }
        else if (_canonical.TryGetValue(character, out int[]? parts) || (isCompatible && _compatible.TryGetValue(character, out parts)))
        {
            Array.ForEach(parts, part => Decompose(part, isCompatible, characters));
        }
        else
        {
            characters.Add(character);
        }
    }

    // Marks behind a letter are ordered by their class; those of one class stay.
    private void Order(List<int> characters)
    {
        for (int i = 1; i < characters.Count; i++)
        {
            byte combining = Class(characters[i]);
            for (int j = i; combining > 0 && j > 0 && Class(characters[j - 1]) > combining; j--)
            {
                (characters[j - 1], characters[j]) = (characters[j], characters[j - 1]);
            }
        }
    }

    private void Compose(List<int> characters)
    {
        int starter = -1;
        int last = 0;
        int count = 0;
        foreach (int character in characters.ToArray())
        {
            byte combining = Class(character);
            bool isBlocked = starter >= 0 && count - 1 > starter && (last == 0 || last >= combining);
            if (starter >= 0 && !isBlocked && Pair(characters[starter], character) is { } whole)
            {
                characters[starter] = whole;
                continue;
            }

            if (combining == 0)
            {
                starter = count;
            }

            last = combining;
            characters[count++] = character;
        }

        characters.RemoveRange(count, characters.Count - count);
    }

    private int? Pair(int first, int second)
    {
        if (first - LeadBase is >= 0 and < LeadCount and var lead && second - VowelBase is >= 0 and < VowelCount and var vowel)
        {
            return SyllableBase + (lead * VowelCount + vowel) * TrailCount;
        }

        if (first - SyllableBase is >= 0 and < SyllableCount and var syllable && syllable % TrailCount == 0 && second - TrailBase is > 0 and < TrailCount and var trail)
        {
            return first + trail;
        }

        return _compositions.TryGetValue((first, second), out int whole) ? whole : null;
    }

    private byte Class(int character) => _classes.GetValueOrDefault(character);
}
