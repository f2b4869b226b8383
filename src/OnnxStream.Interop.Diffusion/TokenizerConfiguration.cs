using System.Text.Json;
using OnnxStream.Interop.Pipelines;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Where a CLIP tokenizer's files lie, and the numbers that belong to them. The defaults are those of CLIP.</summary>
public sealed record TokenizerConfiguration
{
    /// <summary>The vocabulary: <c>vocab.json</c> (token to id) or <c>vocab.txt</c> (one token per line, its id is the line's number from 0 on), or <c>tokenizer.json</c>.</summary>
    public required string VocabularyPath { get; init; }

    /// <summary>The merges, one pair per line, the most important first; a first line that starts with <c>#version</c> is skipped. Or <c>tokenizer.json</c>.</summary>
    public required string MergesPath { get; init; }

    /// <summary>Where the paths are names of files, such as a server; null (the default) for the file system.</summary>
    public ModelFiles? Files { get; init; }

    /// <summary>The number of ids that an encoded text has, the first and the last token included.</summary>
    public int ContextLength { get; init; } = 77;

    /// <summary>Whether letters are lower-cased before anything else.</summary>
    public bool LowerCase { get; init; } = true;

    /// <summary>The token that every text begins with.</summary>
    public string BeginToken { get; init; } = "<|startoftext|>";

    /// <summary>The token that every text ends with.</summary>
    public string EndToken { get; init; } = "<|endoftext|>";

    /// <summary>The token that fills what is left of the context.</summary>
    public string PadToken { get; init; } = "<|endoftext|>";

    /// <summary>The id of <see cref="BeginToken"/>; null to look it up in the vocabulary.</summary>
    public int? BeginId { get; init; }

    /// <summary>The id of <see cref="EndToken"/>; null to look it up in the vocabulary.</summary>
    public int? EndId { get; init; }

    /// <summary>The id of <see cref="PadToken"/>; null to look it up in the vocabulary.</summary>
    public int? PadId { get; init; }

    /// <summary>
    /// Describes a folder with <c>merges.txt</c> and <c>vocab.json</c> or <c>vocab.txt</c>, or with <c>tokenizer.json</c>, which
    /// holds both. What the other files of the folder say replaces the defaults.
    /// </summary>
    /// <remarks>
    /// Special tokens are those of <c>special_tokens_map.json</c>, then those of <c>tokenizer_config.json</c>; where the latter
    /// has <c>added_tokens_decoder</c>, as newer ones do, it comes first. This is what Python's transformers does: Stable
    /// Diffusion 2 pads with the first file's <c>!</c>, although the second one says otherwise.
    /// </remarks>
    /// <param name="folder">The folder.</param>
    /// <exception cref="ModelFormatException">A file is missing or is not what it should be.</exception>
    public static TokenizerConfiguration FromFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return Read(folder, null);
    }

    /// <summary>Reads the files of a tokenizer in a folder, in the file system or in a place of <see cref="ModelFiles"/>.</summary>
    internal static TokenizerConfiguration Read(string folder, ModelFiles? place)
    {
        PipelineFiles files = new(place);
        string json = Path.Combine(folder, "vocab.json");
        string text = Path.Combine(folder, "vocab.txt");
        string whole = Path.Combine(folder, TokenizerFile.Name);
        string vocabulary = files.Exists(json) ? json : text;
        string merges = Path.Combine(folder, "merges.txt");
        TokenizerConfiguration configuration;
        if (files.Exists(vocabulary) && files.Exists(merges))
        {
            configuration = new() { VocabularyPath = vocabulary, MergesPath = merges };
        }
        else if (files.Exists(whole))
        {
            configuration = TokenizerFile.Read(whole, files).Configure();
        }
        else if (!files.Exists(vocabulary))
        {
            throw new ModelFormatException(folder, $"the tokenizer's vocabulary is missing: none of vocab.json, vocab.txt and {TokenizerFile.Name} exists.");
        }
        else
        {
            throw new ModelFormatException(folder, $"the tokenizer's merges are missing: neither merges.txt nor {TokenizerFile.Name} exists.");
        }

        JsonFile? own = JsonFile.ReadIfThere(Path.Combine(folder, "tokenizer_config.json"), files);
        JsonFile? map = JsonFile.ReadIfThere(Path.Combine(folder, "special_tokens_map.json"), files);
        bool ownComesFirst = own?.Find("added_tokens_decoder") is not null;
        return configuration.With(ownComesFirst ? map : own).With(ownComesFirst ? own : map) with { Files = place };
    }

    private TokenizerConfiguration With(JsonFile? file) => file is null ? this : this with
    {
        ContextLength = file.Integer("model_max_length") is > 1 and < MaximumContextLength and long length ? (int)length : ContextLength,
        LowerCase = file.Boolean("do_lower_case") ?? LowerCase,
        BeginToken = Token(file, "bos_token") ?? BeginToken,
        EndToken = Token(file, "eos_token") ?? EndToken,
        PadToken = Token(file, "pad_token") ?? PadToken,
    };

    // Tokenizers that were saved without a length carry a meaningless huge number.
    private const long MaximumContextLength = 1 << 16;

    // A token is written as its text, or as an object that has the text as "content".
    private static string? Token(JsonFile file, string name) =>
        file.Find(name) is not { } value ? null :
        value.ValueKind == JsonValueKind.Object ? file.Text(name, "content") : file.Text(name);
}
