namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>Other text where a pattern occurs.</summary>
internal sealed class ReplaceNormalizer(TextPattern pattern, string content) : Normalizer
{
    /// <inheritdoc/>
    public override string Normalize(string text) => pattern.Replace(text, content);
}
