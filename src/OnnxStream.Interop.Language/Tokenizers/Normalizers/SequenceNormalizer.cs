namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>Several normalizers, one after the other.</summary>
internal sealed class SequenceNormalizer(Normalizer[] normalizers) : Normalizer
{
    /// <inheritdoc/>
    public override string Normalize(string text) => normalizers.Aggregate(text, (current, normalizer) => normalizer.Normalize(current));
}
