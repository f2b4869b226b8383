using OnnxStream.Interop.Language.Tokenizers.Decoders;
using OnnxStream.Interop.Language.Tokenizers.Models;
using OnnxStream.Interop.Language.Tokenizers.Normalizers;
using OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>What a tokenizer is made of.</summary>
internal sealed record TokenizerParts
{
    /// <summary>The file, for messages.</summary>
    public required string Path { get; init; }

    /// <summary>Changes a text first; null for nothing.</summary>
    public Normalizer? Normalizer { get; init; }

    /// <summary>Divides it into pieces; null for one piece.</summary>
    public PreTokenizer? PreTokenizer { get; init; }

    /// <summary>The tokens that a text begins and ends with.</summary>
    public PostProcessor PostProcessor { get; init; } = PostProcessor.None;

    /// <summary>Makes text of tokens; null where they are words.</summary>
    public TokenTextDecoder? Decoder { get; init; }

    /// <summary>Makes tokens of a piece.</summary>
    public required TokenModel Model { get; init; }

    /// <summary>The tokens of the model with their ids.</summary>
    public required IReadOnlyDictionary<string, int> Vocabulary { get; init; }

    /// <summary>Tokens that are looked for before anything else.</summary>
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>Reads those of a <c>tokenizer.json</c>.</summary>
    /// <param name="section">The object that the file is.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="ModelFormatException">It is not what it should be, or asks for something that is not supported.</exception>
    public static TokenizerParts Read(JsonSection section, string path)
    {
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        return new TokenizerParts
        {
            Path = path,
            Normalizer = section.Section("normalizer") is { } normalizer ? Normalizer.Read(normalizer) : null,
            PreTokenizer = section.Section("pre_tokenizer") is { } preTokenizer ? PreTokenizer.Read(preTokenizer) : null,
            PostProcessor = section.Section("post_processor") is { } postProcessor ? PostProcessor.Read(postProcessor) : PostProcessor.None,
            Decoder = section.Section("decoder") is { } decoder ? TokenTextDecoder.Read(decoder) : null,
            Model = TokenModel.Read(section.Section("model") ?? throw section.Error("\"model\" is missing"), vocabulary),
            Vocabulary = vocabulary,
            AddedTokens = [.. section.Sections("added_tokens").Select(token => ReadAdded(token, vocabulary))],
        };
    }

    // A token that the model has keeps the model's id.
    private static AddedToken ReadAdded(JsonSection section, Dictionary<string, int> vocabulary)
    {
        string content = section.Text("content") ?? throw section.Error("\"content\" is missing");
        int id = vocabulary.TryGetValue(content, out int known) ? known : section.Number("id", -1);
        return new AddedToken(
            id >= 0 ? id : throw section.Error("\"id\" is missing"),
            content,
            section.Flag("special", false),
            section.Flag("single_word", false),
            section.Flag("lstrip", false),
            section.Flag("rstrip", false),
            section.Flag("normalized", !section.Flag("special", false)));
    }
}
