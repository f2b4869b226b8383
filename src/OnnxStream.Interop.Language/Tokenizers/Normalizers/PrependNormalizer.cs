namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>Text before a text that is not empty.</summary>
internal sealed class PrependNormalizer(string content) : Normalizer
{
    /// <inheritdoc/>
    public override string Normalize(string text) => text.Length == 0 ? text : content + text;
}
