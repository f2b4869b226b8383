namespace OnnxStream.Interop.Language.Tokenizers.Normalizers;

/// <summary>Changes a text before it is divided.</summary>
internal abstract class Normalizer
{
    /// <summary>The changed text.</summary>
    public abstract string Normalize(string text);

    /// <summary>Reads a normalizer of <c>tokenizer.json</c>.</summary>
    /// <exception cref="ModelFormatException">It is not supported, or not what it should be.</exception>
    public static Normalizer Read(JsonSection section) => section.Type switch
    {
        "Sequence" => new SequenceNormalizer([.. section.Sections("normalizers").Select(Read)]),
        "NFC" => new UnicodeNormalizer(System.Text.NormalizationForm.FormC),
        "NFD" => new UnicodeNormalizer(System.Text.NormalizationForm.FormD),
        "NFKC" => new UnicodeNormalizer(System.Text.NormalizationForm.FormKC),
        "NFKD" => new UnicodeNormalizer(System.Text.NormalizationForm.FormKD),
        "Lowercase" => new LowercaseNormalizer(),
        "Strip" => new StripNormalizer(section.Flag("strip_left", true), section.Flag("strip_right", true)),
        "StripAccents" => new StripAccentsNormalizer(),
        "Replace" => new ReplaceNormalizer(TextPattern.Read(section), section.Text("content") ?? ""),
        "Prepend" => new PrependNormalizer(section.Text("prepend") ?? ""),
        "BertNormalizer" => new BertNormalizer(
            section.Flag("clean_text", true), section.Flag("handle_chinese_chars", true), section.Flag("strip_accents", section.Flag("lowercase", true)), section.Flag("lowercase", true)),
        "Precompiled" => new PrecompiledNormalizer(section),
        var type => throw section.Error($"the normalizer '{type}' is not supported"),
    };
}
