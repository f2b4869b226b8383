using System.Text.Json;
using OnnxStream.Interop.Gguf;
using OnnxStream.Interop.Language.Grammars;
using OnnxStream.Interop.Language.Tokenizers.Decoders;
using OnnxStream.Interop.Language.Tokenizers.Models;
using OnnxStream.Interop.Language.Tokenizers.Normalizers;
using OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>Makes tokens of texts, and texts of tokens, as a <c>tokenizer.json</c> of Hugging Face says, or the vocabulary of a GGUF file. https://huggingface.co/docs/tokenizers</summary>
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
    private readonly Lazy<TokenTrie> _trie;
    private readonly AddedTokenFinder _plain;
    private readonly AddedTokenFinder _normalized;

    private Tokenizer(TokenizerParts parts)
    {
        _normalizer = parts.Normalizer;
        _preTokenizer = parts.PreTokenizer;
        _postProcessor = parts.PostProcessor;
        _decoder = parts.Decoder;
        _model = parts.Model;
        IReadOnlyList<AddedToken> added = parts.AddedTokens;
        foreach ((string token, int id) in parts.Vocabulary)
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
            throw new ModelFormatException(parts.Path, $"the ids go up to {size - 1:N0}, although there are {_ids.Count:N0} tokens.");
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

        _trie = new Lazy<TokenTrie>(() => new TokenTrie(this));
        SpecialTokens = [.. added.Where(token => token.IsSpecial).Select(token => token.Id)];
        _plain = new AddedTokenFinder(added.Where(token => !token.IsNormalized).Select(token => (token.Content, token)));
        _normalized = new AddedTokenFinder(added.Where(token => token.IsNormalized).Select(token => (_normalizer?.Normalize(token.Content) ?? token.Content, token)));
    }

    /// <summary>The number of ids: the largest and one.</summary>
    public int VocabularySize => _tokens.Length;

    /// <summary>The ids of tokens that are no text.</summary>
    public IReadOnlyList<int> SpecialTokens { get; }

    /// <summary>The bytes of all tokens, made when they are first asked for.</summary>
    internal TokenTrie Trie => _trie.Value;

    /// <summary>Reads the tokenizer of a model folder.</summary>
    /// <param name="folder">The folder, with a <c>tokenizer.json</c>.</param>
    /// <exception cref="ModelFormatException">The file is missing, is not what it should be, or asks for something that is not supported.</exception>
    public static Tokenizer FromFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return FromFile(Path.Combine(folder, FileName));
    }

    /// <summary>Reads a tokenizer.</summary>
    /// <param name="path">The <c>tokenizer.json</c>, or a <c>.gguf</c> file with a vocabulary.</param>
    /// <exception cref="ModelFormatException">The file is missing, is not what it should be, or asks for something that is not supported.</exception>
    public static Tokenizer FromFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
        {
            throw new ModelFormatException(path, "there is no such file. A tokenizer is needed as Hugging Face's tokenizers library writes it (AutoTokenizer.from_pretrained(…, use_fast=True).save_pretrained(…)).");
        }

        if (path.EndsWith(GgufFile.Extension, StringComparison.OrdinalIgnoreCase))
        {
            return FromGguf(GgufFile.Read(path)) ?? throw new ModelFormatException(path, "the file has no vocabulary (tokenizer.ggml.model).");
        }

        try
        {
            using FileStream stream = File.OpenRead(path);
            using JsonDocument document = JsonDocument.Parse(stream);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new Tokenizer(TokenizerParts.Read(new JsonSection(path, "", document.RootElement), path))
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

    /// <summary>Whether a token is no text.</summary>
    internal bool IsSpecial(int id) => (uint)id < (uint)_isSpecial.Length && _isSpecial[id];

    /// <summary>The bytes of a token, where they do not depend on others; else null.</summary>
    internal byte[]? FindBytes(string token) => _decoder?.FindBytes(token);

    /// <summary>The tokenizer of a GGUF file; null where it has none.</summary>
    /// <exception cref="ModelFormatException">It is not what it should be, or of a kind that is not supported.</exception>
    internal static Tokenizer? FromGguf(GgufFile file) => GgufVocabulary.Read(file) is { } parts ? new Tokenizer(parts) : null;

    private static string WithoutHalves(string text) => text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')
        ? string.Concat(text.EnumerateRunes().Select(rune => rune.ToString()))
        : text;
}
