namespace OnnxStream.Interop.Language.Tokenizers.Decoders;

/// <summary>Changes the texts of tokens; put together, they are the text that was encoded.</summary>
internal abstract class TokenTextDecoder
{
    /// <summary>Changes the texts of tokens.</summary>
    public abstract List<string> Decode(List<string> tokens);

    /// <summary>The bytes of a token that stands for bytes, whatever is beside it; else null.</summary>
    public virtual byte[]? FindBytes(string token) => null;

    /// <summary>Reads a decoder of <c>tokenizer.json</c>.</summary>
    /// <exception cref="ModelFormatException">It is not supported, or not what it should be.</exception>
    public static TokenTextDecoder Read(JsonSection section) => section.Type switch
    {
        "Sequence" => new SequenceDecoder([.. section.Sections("decoders").Select(Read)]),
        "ByteLevel" => new ByteLevelDecoder(),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Strip" => new StripDecoder(section.Text("content") ?? " ", section.Number("start", 0), section.Number("stop", 0)),
        "Replace" => new ReplaceDecoder(TextPattern.Read(section), section.Text("content") ?? ""),
        "Metaspace" => new MetaspaceDecoder(
            section.Text("replacement") ?? "▁", (section.Text("prepend_scheme") ?? (section.Flag("add_prefix_space", true) ? "always" : "never")) != "never"),
        "WordPiece" => new WordPieceDecoder(section.Text("prefix") ?? "##", section.Flag("cleanup", true)),
        "BPEDecoder" => new SuffixDecoder(section.Text("suffix") ?? "</w>"),
        var type => throw section.Error($"the decoder '{type}' is not supported"),
    };
}
