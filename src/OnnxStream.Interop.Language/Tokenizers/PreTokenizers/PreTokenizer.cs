namespace OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

/// <summary>Divides a text into pieces of which each becomes tokens on its own.</summary>
internal abstract class PreTokenizer
{
    // What \w is for Hugging Face's library; for .NET it is less.
    private const string WordCharacters = @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u200C\u200D";

    /// <summary>Divides a piece.</summary>
    /// <param name="text">The piece.</param>
    /// <param name="isFirst">Whether the whole text begins with it.</param>
    public abstract IEnumerable<string> Split(string text, bool isFirst);

    /// <summary>Reads a pre-tokenizer of <c>tokenizer.json</c>.</summary>
    /// <exception cref="ModelFormatException">It is not supported, or not what it should be.</exception>
    public static PreTokenizer Read(JsonSection section) => section.Type switch
    {
        "Sequence" => new SequencePreTokenizer([.. section.Sections("pretokenizers").Select(Read)]),
        "ByteLevel" => new ByteLevelPreTokenizer(section.Flag("add_prefix_space", true), section.Flag("use_regex", true)),
        "Split" => new SplitPreTokenizer(TextPattern.Read(section), SplitBehaviors.Read(section, "Isolated"), section.Flag("invert", false)),
        "Digits" => new SplitPreTokenizer(TextPattern.FromExpression(section.Flag("individual_digits", false) ? @"\p{N}" : @"\p{N}+"), SplitBehavior.Isolated, invert: false),
        "Punctuation" => new SplitPreTokenizer(TextPattern.FromExpression(SplitPreTokenizer.Punctuation), SplitBehaviors.Read(section, "Isolated"), invert: false),
        "Whitespace" => new SplitPreTokenizer(TextPattern.FromExpression($"[{WordCharacters}]+|[^{WordCharacters}\\s]+"), SplitBehavior.Removed, invert: true),
        "WhitespaceSplit" => new SplitPreTokenizer(TextPattern.FromExpression(@"\s"), SplitBehavior.Removed, invert: false),
        "BertPreTokenizer" => new SequencePreTokenizer([
            new SplitPreTokenizer(TextPattern.FromExpression(@"\s"), SplitBehavior.Removed, invert: false),
            new SplitPreTokenizer(TextPattern.FromExpression(SplitPreTokenizer.Punctuation), SplitBehavior.Isolated, invert: false)]),
        "Metaspace" => new MetaspacePreTokenizer(
            section.Text("replacement") ?? "▁",
            section.Text("prepend_scheme") ?? (section.Flag("add_prefix_space", true) ? "always" : "never"),
            section.Flag("split", true)),
        var type => throw section.Error($"the pre-tokenizer '{type}' is not supported"),
    };
}
