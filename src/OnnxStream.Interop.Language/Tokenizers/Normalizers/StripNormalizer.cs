namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>Takes white space away at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : Normalizer
{
    /// <inheritdoc/>
    public override string Normalize(string text)
    {
        text = left ? text.TrimStart() : text;
        return right ? text.TrimEnd() : text;
    }
}
