using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>Small letters for capital ones, character by character and of no language.</summary>
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
                // The only one that becomes two.
                '\u0130' => "i\u0307",
                var c when char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) => Rune.ToLower(new Rune(c, text[++i]), CultureInfo.InvariantCulture).ToString(),
                var c => char.ToLowerInvariant(c).ToString(),
            });
        }

        return result.ToString();
    }
}
