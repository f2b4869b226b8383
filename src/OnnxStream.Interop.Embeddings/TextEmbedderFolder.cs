using System.Text.Json;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Embeddings;

/// <summary>The files of a model for embeddings: the layout of Sentence Transformers and of Hugging Face's exporters, or a model with a <c>vocab.txt</c> beside it.</summary>
internal sealed class TextEmbedderFolder
{
    private const int UsualMaxTokens = 256;

    private static readonly string[] s_modelNames = ["model.onnx", "onnx/model.onnx", "model.txt"];

    private readonly PipelineFiles _files = new(null);
    private readonly string _folder;

    /// <summary>Finds the files.</summary>
    /// <param name="path">A folder, or a model file in one.</param>
    /// <exception cref="FileNotFoundException">There is no such model, or no vocabulary.</exception>
    /// <exception cref="ModelFormatException">A file is not what it should be.</exception>
    public TextEmbedderFolder(string path)
    {
        ModelPath = FindModel(path);
        string own = Path.GetDirectoryName(Path.GetFullPath(ModelPath))!;
        _folder = HasVocabulary(own) || Path.GetDirectoryName(own) is not { } parent || !HasVocabulary(parent) ? own : parent;
        ReadPooling();
        ReadTokens();
    }

    /// <summary>The model.</summary>
    public string ModelPath { get; }

    /// <summary>How hidden states become a vector.</summary>
    public EmbeddingPooling Pooling { get; private set; } = EmbeddingPooling.Mean;

    /// <summary>The most tokens of a text.</summary>
    public int MaxTokens { get; private set; }

    /// <summary>What stands before a query.</summary>
    public string QueryPrefix { get; private set; } = "";

    /// <summary>Reads the vocabulary.</summary>
    public BertTextTokenizer ReadTokenizer()
    {
        bool? isUncased = JsonFile.ReadIfThere(In("tokenizer_config.json"), _files)?.Boolean("do_lower_case");
        if (File.Exists(In("vocab.txt")))
        {
            return new BertTextTokenizer([.. _files.ReadLines(In("vocab.txt")).Select(line => line.Trim())], isUncased, In("vocab.txt"));
        }

        if (JsonFile.ReadIfThere(In("tokenizer.json"), _files) is not { } json)
        {
            throw new FileNotFoundException($"{_folder}: there is no vocab.txt and no tokenizer.json beside the model; they come with it.", In("vocab.txt"));
        }

        if (json.Text("model", "type") is { } type && type != "WordPiece")
        {
            throw new ModelFormatException(json.FilePath, $"the tokenizer is {type}; models for embeddings with WordPiece are supported.");
        }

        return new BertTextTokenizer(ReadVocabulary(json), isUncased ?? json.Boolean("normalizer", "lowercase"), json.FilePath);
    }

    private static string[] ReadVocabulary(JsonFile json)
    {
        if (json.Find("model", "vocab") is not { ValueKind: JsonValueKind.Object } entries)
        {
            throw new ModelFormatException(json.FilePath, "expected the tokens and their ids in \"model.vocab\".");
        }

        string?[] tokens = new string?[entries.GetPropertyCount()];
        foreach (JsonProperty entry in entries.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.Number || !entry.Value.TryGetInt32(out int id) || id < 0 || id >= tokens.Length || tokens[id] is not null)
            {
                throw new ModelFormatException(json.FilePath, $"the token '{entry.Name}' has the id {entry.Value.GetRawText()}; expected the numbers from 0 to {tokens.Length - 1}, each once.");
            }

            tokens[id] = entry.Name;
        }

        return tokens!;
    }

    private static string FindModel(string path)
    {
        if (File.Exists(path))
        {
            return path;
        }

        if (!Directory.Exists(path))
        {
            throw new FileNotFoundException($"{path}: no such file or folder.", path);
        }

        if (s_modelNames.Select(name => Path.Combine(path, name)).FirstOrDefault(File.Exists) is { } model)
        {
            return model;
        }

        string[] others = Directory.GetFiles(path, "*.onnx");
        return others is [var only] ? only : throw new FileNotFoundException(
            $"{path}: expected {string.Join(" or ", s_modelNames)} in the folder, found {(others.Length == 0 ? "no model" : $"{others.Length} other .onnx files; name one of them")}.", path);
    }

    private void ReadPooling()
    {
        if (JsonFile.ReadIfThere(In("1_Pooling/config.json"), _files) is not { } json)
        {
            return;
        }

        string[] modes = [.. json.Properties.Where(property => property.Name.StartsWith("pooling_mode_", StringComparison.Ordinal) && property.Value.ValueKind == JsonValueKind.True).Select(property => property.Name)];
        Pooling = modes switch
        {
            ["pooling_mode_mean_tokens"] => EmbeddingPooling.Mean,
            ["pooling_mode_cls_token"] => EmbeddingPooling.Cls,
            _ => throw new ModelFormatException(json.FilePath, $"expected pooling_mode_mean_tokens or pooling_mode_cls_token to be true, found {(modes.Length == 0 ? "neither" : string.Join(" and ", modes))}."),
        };
    }

    private void ReadTokens()
    {
        long? most = JsonFile.ReadIfThere(In("sentence_bert_config.json"), _files)?.PositiveInteger("max_seq_length");

        // Where a tokenizer has no limit, its file has a number of thirty digits.
        const long Unlimited = 1_000_000;
        most ??= JsonFile.ReadIfThere(In("tokenizer_config.json"), _files)?.Integer("model_max_length") is { } length and >= 2 and < Unlimited ? length : UsualMaxTokens;
        MaxTokens = (int)Math.Max(2, most.Value);
        QueryPrefix = JsonFile.ReadIfThere(In("config_sentence_transformers.json"), _files)?.Text("prompts", "query") ?? "";
    }

    private string In(string name) => Path.Combine(_folder, name);

    private static bool HasVocabulary(string folder) => File.Exists(Path.Combine(folder, "vocab.txt")) || File.Exists(Path.Combine(folder, "tokenizer.json"));
}
