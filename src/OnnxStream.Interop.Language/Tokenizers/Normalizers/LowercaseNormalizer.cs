using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>Small letters for capital ones, of no language.</summary>
internal sealed class LowercaseNormalizer : Normalizer
{
    /// <inheritdoc/>
    public override string Normalize(string text) => Lower(text);

    /// <summary>The text in small letters.</summary>
    public static string Lower(string text)
    {
        StringBuilder result = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            result.Append(text[i] switch
            {
                // The two that Unicode's full mapping treats in another way than a mapping of single characters.
                '\u0130' => "i\u0307",
                '\u03A3' => IsFinal(text, i) ? "\u03C2" : "\u03C3",
                var c when char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) => Rune.ToLower(new Rune(c, text[++i]), CultureInfo.InvariantCulture).ToString(),
                var c => char.ToLowerInvariant(c).ToString(),
            });
        }

        return result.ToString();
    }

    // A letter before it, none behind it.
    private static bool IsFinal(string text, int index) =>
        index > 0 && char.IsLetter(text[index - 1]) && (index + 1 == text.Length || !char.IsLetter(text[index + 1]));
}
