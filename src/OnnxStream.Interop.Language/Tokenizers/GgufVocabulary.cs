using System.Text;
using OnnxStream.Interop.Gguf;
using OnnxStream.Interop.Language.Tokenizers.Decoders;
using OnnxStream.Interop.Language.Tokenizers.Models;
using OnnxStream.Interop.Language.Tokenizers.Normalizers;
using OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>Reads the vocabulary of a GGUF file: byte-level BPE with merges (<c>gpt2</c>), or SentencePiece's BPE with scores (<c>llama</c>).</summary>
internal static class GgufVocabulary
{
    private const string Space = "▁";

    // What a token is, by the numbers of the format.
    private const long Unknown = 2;
    private const long Control = 3;
    private const long UserDefined = 4;

    // Texts that end an answer in one family or another: files name only one of them.
    private static readonly string[] s_ends = ["<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|eom_id|>", "<EOT>"];

    private static readonly (string Name, string Key)[] s_templateTokens = [("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding")];

    /// <summary>The parts of the file's tokenizer; null where it has none.</summary>
    /// <exception cref="ModelFormatException">It is not what it should be, or of a kind that is not supported.</exception>
    public static TokenizerParts? Read(GgufFile file)
    {
        if (file.FindText("tokenizer.ggml.model") is not { } kind || kind == "no_vocab")
        {
            return null;
        }

        IReadOnlyList<string> tokens = file.FindTexts("tokenizer.ggml.tokens") ?? throw Error(file, "'tokenizer.ggml.tokens' is missing");
        IReadOnlyList<long> types = file.FindIntegers("tokenizer.ggml.token_type") ?? [];
        if (types.Count > 0 && types.Count != tokens.Count)
        {
            throw Error(file, $"there are {tokens.Count:N0} tokens, but {types.Count:N0} types of tokens");
        }

        Dictionary<string, int> vocabulary = new(tokens.Count, StringComparer.Ordinal);
        for (int id = 0; id < tokens.Count; id++)
        {
            // Of two tokens with one text, the first is found.
            vocabulary.TryAdd(tokens[id], id);
        }

        AddedToken[] added = Added(file, kind, tokens, types);
        return kind switch
        {
            "gpt2" => ByteLevel(file, vocabulary, added),
            "llama" => SentencePiece(file, vocabulary, added),
            _ => throw Error(file, $"the tokenizer '{kind}' is not supported; supported are gpt2 and llama"),
        };
    }

    /// <summary>The token that a text begins with; null where there is none.</summary>
    public static int? BeginToken(GgufFile file) => TokenId(file, "bos");

    /// <summary>The tokens that end an answer.</summary>
    /// <param name="file">The file.</param>
    /// <param name="tokenizer">Its tokenizer; null where it has none.</param>
    public static IReadOnlyList<int> EndTokens(GgufFile file, Tokenizer? tokenizer)
    {
        HashSet<int> special = [.. tokenizer?.SpecialTokens ?? []];
        IEnumerable<int?> found = s_ends.Select(text => tokenizer?.FindId(text) is { } id && special.Contains(id) ? id : (int?)null);
        return [.. ((IEnumerable<int?>)[TokenId(file, "eos"), TokenId(file, "eot"), TokenId(file, "eom")]).Concat(found).OfType<int>().Distinct()];
    }

    /// <summary>The texts of special tokens, as chat templates call them.</summary>
    /// <param name="file">The file.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    public static IReadOnlyDictionary<string, string> TemplateTokens(GgufFile file, Tokenizer tokenizer)
    {
        Dictionary<string, string> texts = [];
        foreach ((string name, string key) in s_templateTokens)
        {
            if (TokenId(file, key) is { } id && tokenizer.FindToken(id) is { } text)
            {
                texts.Add(name, text);
            }
        }

        return texts;
    }

    private static TokenizerParts ByteLevel(GgufFile file, Dictionary<string, int> vocabulary, AddedToken[] added)
    {
        GgufSplitting splitting = GgufSplitting.Of(file);
        IReadOnlyList<string> merges = file.FindTexts("tokenizer.ggml.merges") ?? throw Error(file, "'tokenizer.ggml.merges' is missing");
        return new TokenizerParts
        {
            Path = file.Path,
            Normalizer = splitting.IsComposed ? new UnicodeNormalizer(NormalizationForm.FormC) : null,
            PreTokenizer = new SequencePreTokenizer([
                .. splitting.Expressions.Select(expression => new SplitPreTokenizer(TextPattern.FromExpression(expression), SplitBehavior.Isolated, invert: false)),
                new ByteLevelPreTokenizer(file.FindFlag("tokenizer.ggml.add_space_prefix") ?? false, useExpression: false)]),
            PostProcessor = Ends(file, splitting.Begins),
            Decoder = new ByteLevelDecoder(),
            Model = BytePairModel.Create(vocabulary, merges.Select(merge => Pair(file, merge)), splitting.IgnoresMerges),
            Vocabulary = vocabulary,
            AddedTokens = added,
        };
    }

    private static TokenizerParts SentencePiece(GgufFile file, Dictionary<string, int> vocabulary, AddedToken[] added)
    {
        bool addsSpace = file.FindFlag("tokenizer.ggml.add_space_prefix") ?? true;
        IReadOnlyList<float> scores = file.FindNumbers("tokenizer.ggml.scores") ?? throw Error(file, "'tokenizer.ggml.scores' is missing");
        ReplaceNormalizer spaces = new(TextPattern.FromExpression(" "), Space);
        List<TokenTextDecoder> decoders = [new ReplaceDecoder(TextPattern.FromExpression(Space), " "), new ByteFallbackDecoder(), new FuseDecoder()];
        if (addsSpace)
        {
            decoders.Add(new StripDecoder(" ", 1, 0));
        }

        return new TokenizerParts
        {
            Path = file.Path,
            Normalizer = addsSpace ? new SequenceNormalizer([new PrependNormalizer(Space), spaces]) : spaces,
            PostProcessor = Ends(file, begins: true),
            Decoder = new SequenceDecoder([.. decoders]),
            Model = new ScoredPairModel(vocabulary, scores, TokenId(file, "unknown")),
            Vocabulary = vocabulary,
            AddedTokens = added,
        };
    }

    // Where tokens of Phi 3 stand in a text, white space behind them goes with them.
    private static AddedToken[] Added(GgufFile file, string kind, IReadOnlyList<string> tokens, IReadOnlyList<long> types)
    {
        bool takesRight = kind == "llama" && file.Architecture == "phi3";
        return
        [
            .. types.Select((type, id) => (Type: type, Id: id)).Where(token => token.Type is Control or UserDefined or Unknown && tokens[token.Id].Length > 0)
                .Select(token => new AddedToken(
                    token.Id, tokens[token.Id], IsSpecial: token.Type is not UserDefined, IsSingleWord: false, TakesLeft: false,
                    TakesRight: takesRight && tokens[token.Id] is not ("<unk>" or "<s>" or "<|endoftext|>"), IsNormalized: false)),
        ];
    }

    private static PostProcessor Ends(GgufFile file, bool begins) => new(
        (file.FindFlag("tokenizer.ggml.add_bos_token") ?? begins) && BeginToken(file) is { } begin ? [begin] : [],
        file.FindFlag("tokenizer.ggml.add_eos_token") == true && TokenId(file, "eos") is { } end ? [end] : []);

    private static (string Left, string Right) Pair(GgufFile file, string merge) =>
        merge.IndexOf(' ', StringComparison.Ordinal) is > 0 and var space ? (merge[..space], merge[(space + 1)..]) : throw Error(file, $"the merge '{merge}' should be two texts with a space between them");

    private static int? TokenId(GgufFile file, string name) => file.FindInteger($"tokenizer.ggml.{name}_token_id") switch
    {
        null or 0xffffffff or -1 => null,
        var id when id is >= 0 and <= int.MaxValue => (int)id,
        var id => throw Error(file, $"'tokenizer.ggml.{name}_token_id' is {id}"),
    };

    private static ModelFormatException Error(GgufFile file, string problem) => new(file.Path, $"{problem}.");
}
