using System.Text.Json;
using OnnxStream.Interop.Language.Tokenizers.Decoders;
using OnnxStream.Interop.Language.Tokenizers.Models;
using OnnxStream.Interop.Language.Tokenizers.Normalizers;
using OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>Makes tokens of texts, and texts of tokens, as a <c>tokenizer.json</c> of Hugging Face says. https://huggingface.co/docs/tokenizers</summary>
/// <remarks>It may be used by several threads at once.</remarks>
public sealed class Tokenizer
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "tokenizer.json";

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly string?[] _tokens;
    private readonly bool[] _isSpecial;
    private readonly Normalizer? _normalizer;
    private readonly PreTokenizer? _preTokenizer;
    private readonly TokenModel _model;
    private readonly PostProcessor _postProcessor;
    private readonly TokenTextDecoder? _decoder;
    private readonly AddedTokenFinder _plain;
    private readonly AddedTokenFinder _normalized;

    private Tokenizer(JsonSection section)
    {
        _normalizer = section.Section("normalizer") is { } normalizer ? Normalizer.Read(normalizer) : null;
        _preTokenizer = section.Section("pre_tokenizer") is { } preTokenizer ? PreTokenizer.Read(preTokenizer) : null;
        _postProcessor = section.Section("post_processor") is { } postProcessor ? PostProcessor.Read(postProcessor) : PostProcessor.None;
        _decoder = section.Section("decoder") is { } decoder ? TokenTextDecoder.Read(decoder) : null;
        Dictionary<string, int> vocabulary = new(StringComparer.Ordinal);
        _model = TokenModel.Read(section.Section("model") ?? throw section.Error("\"model\" is missing"), vocabulary);
        AddedToken[] added = [.. section.Sections("added_tokens").Select(token => ReadAdded(token, vocabulary))];
        foreach ((string token, int id) in vocabulary)
        {
            _ids[token] = id;
        }

        foreach (AddedToken token in added)
        {
            _ids[token.Content] = token.Id;
        }

        int size = _ids.Count == 0 ? 0 : _ids.Values.Max() + 1;
        if (size > 4L * _ids.Count + 100_000)
        {
            throw section.Error($"the ids go up to {size - 1:N0}, although there are {_ids.Count:N0} tokens");
        }

        _tokens = new string?[size];
        _isSpecial = new bool[size];
        foreach ((string token, int id) in _ids)
        {
            _tokens[id] = token;
        }

        foreach (AddedToken token in added)
        {
            _tokens[token.Id] = token.Content;
            _isSpecial[token.Id] = token.IsSpecial;
        }

        SpecialTokens = [.. added.Where(token => token.IsSpecial).Select(token => token.Id)];
        _plain = new AddedTokenFinder(added.Where(token => !token.IsNormalized).Select(token => (token.Content, token)));
        _normalized = new AddedTokenFinder(added.Where(token => token.IsNormalized).Select(token => (_normalizer?.Normalize(token.Content) ?? token.Content, token)));
    }

    /// <summary>The number of ids: the largest and one.</summary>
    public int VocabularySize => _tokens.Length;

    /// <summary>The ids of tokens that are no text.</summary>
    public IReadOnlyList<int> SpecialTokens { get; }

    /// <summary>Reads the tokenizer of a model folder.</summary>
    /// <param name="folder">The folder, with a <c>tokenizer.json</c>.</param>
    /// <exception cref="ModelFormatException">The file is missing, is not what it should be, or asks for something that is not supported.</exception>
    public static Tokenizer FromFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return FromFile(Path.Combine(folder, FileName));
    }

    /// <summary>Reads a tokenizer.</summary>
    /// <param name="path">The <c>tokenizer.json</c>.</param>
    /// <exception cref="ModelFormatException">The file is missing, is not what it should be, or asks for something that is not supported.</exception>
    public static Tokenizer FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new ModelFormatException(path, "there is no such file. A tokenizer is needed as Hugging Face's tokenizers library writes it (AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(…)).");
        }

        try
        {
            using FileStream stream = File.OpenRead(path);
            using JsonDocument document = JsonDocument.Parse(stream);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new Tokenizer(new JsonSection(path, "", document.RootElement))
                : throw new ModelFormatException(path, $"expected a JSON object, found {document.RootElement.ValueKind}.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            // The parser fails where a text is first read that is not UTF-8, or has half of a surrogate pair.
            throw new ModelFormatException(path, $"this is not a tokenizer in JSON: {exception.Message}", exception);
        }
    }

    /// <summary>Makes tokens of a text.</summary>
    /// <param name="text">The text. Half of a surrogate pair counts as a replacement character.</param>
    /// <param name="addSpecialTokens">Whether those are added that a text begins or ends with. Texts of a chat template have them already.</param>
    public IReadOnlyList<int> Encode(string text, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> ids = [];
        if (addSpecialTokens)
        {
            ids.AddRange(_postProcessor.Before);
        }

        bool isFirst = true;
        foreach ((AddedToken? token, string part) in _plain.Split(WithoutHalves(text)))
        {
            if (token is not null)
            {
                ids.Add(token.Id);
                isFirst = false;
                continue;
            }

            foreach ((AddedToken? inner, string piece) in _normalized.Split(_normalizer?.Normalize(part) ?? part))
            {
                if (inner is not null)
                {
                    ids.Add(inner.Id);
                    isFirst = false;
                    continue;
                }

                foreach (string word in _preTokenizer?.Split(piece, isFirst) ?? [piece])
                {
                    if (word.Length > 0)
                    {
                        _model.Encode(word, ids);
                    }
                }

                isFirst = false;
            }
        }

        if (addSpecialTokens)
        {
            ids.AddRange(_postProcessor.After);
        }

        return ids;
    }

    /// <summary>Makes text of tokens.</summary>
    /// <param name="ids">The tokens. Those that the tokenizer does not know are left out.</param>
    /// <param name="skipSpecialTokens">Whether tokens are left out that are no text.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        List<string> tokens = new(ids.Length);
        foreach (int id in ids)
        {
            if ((uint)id < (uint)_tokens.Length && _tokens[id] is { } token && !(skipSpecialTokens && _isSpecial[id]))
            {
                tokens.Add(token);
            }
        }

        return _decoder is null ? string.Join(' ', tokens) : string.Concat(_decoder.Decode(tokens));
    }

    /// <summary>Starts to make text of tokens that come one after the other.</summary>
    /// <param name="skipSpecialTokens">Whether tokens are left out that are no text.</param>
    public TokenDecoder CreateDecoder(bool skipSpecialTokens = true) => new(this, skipSpecialTokens);

    /// <summary>The id of a token; null if there is none.</summary>
    /// <param name="token">The token, as the vocabulary has it.</param>
    public int? FindId(string token) => _ids.TryGetValue(token, out int id) ? id : null;

    /// <summary>The token of an id, as the vocabulary has it; null if there is none.</summary>
    /// <param name="id">The id.</param>
    public string? FindToken(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

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

    private static string WithoutHalves(string text) => text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')
        ? string.Concat(text.EnumerateRunes().Select(rune => rune.ToString()))
        : text;
}
