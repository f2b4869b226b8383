using System.Text;

namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>One of Unicode's normalization forms. https://unicode.org/reports/tr15/</summary>
internal sealed class UnicodeNormalizer(NormalizationForm form) : Normalizer
{
    /// <inheritdoc/>
    public override string Normalize(string text) => UnicodeForms.Normalize(text, form);
}
