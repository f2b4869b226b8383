using System.Buffers;
using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Text;

/// <summary>Names of tensors as <c>model.txt</c> spells them: letters and digits of ASCII stay, any other character becomes its code point, as in <c>_2F_</c> for a slash.</summary>
internal static class TensorName
{
    private static readonly SearchValues<char> s_plain = SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>The spelling of a name.</summary>
    public static string Escape(string name)
    {
        if (!name.AsSpan().ContainsAnyExcept(s_plain))
        {
            return name;
        }

        StringBuilder text = new(name.Length * 2);
        foreach (Rune rune in name.EnumerateRunes())
        {
            if (rune.IsAscii && s_plain.Contains((char)rune.Value))
            {
                text.Append((char)rune.Value);
            }
            else
            {
                text.Append('_').Append(rune.Value.ToString("X", CultureInfo.InvariantCulture)).Append('_');
            }
        }

        return text.ToString();
    }

    /// <summary>The name that <see cref="Escape"/> spells like this, or the text as it is if there is none: names written by hand need not be escaped.</summary>
    public static string Unescape(string text)
    {
        if (!text.Contains('_', StringComparison.Ordinal))
        {
            return text;
        }

        StringBuilder name = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (s_plain.Contains(text[i]))
            {
                name.Append(text[i]);
                continue;
            }

            int end = text[i] == '_' ? text.IndexOf('_', i + 1) : -1;
            if (end < 0 || !TryParseRune(text.AsSpan(i + 1, end - i - 1), out Rune rune))
            {
                return text;
            }

            name.Append(rune.ToString());
            i = end;
        }

        return name.ToString();
    }

    private static bool TryParseRune(ReadOnlySpan<char> digits, out Rune rune)
    {
        rune = default;
        return digits.Length > 0 && digits[0] != '0' && !digits.ContainsAnyInRange('a', 'f') &&
            int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) && Rune.TryCreate(value, out rune) &&
            !(rune.IsAscii && s_plain.Contains((char)rune.Value));
    }
}
