using OnnxStream.Interop.Gguf;

namespace OnnxStream.Interop.Language.Tokenizers;

/// <summary>How a text is divided before its bytes are merged: what the name in <c>tokenizer.ggml.pre</c> stands for.</summary>
/// <param name="Expressions">What is divided one after the other: where an expression occurs, and between.</param>
internal sealed record GgufSplitting(params IReadOnlyList<string> Expressions)
{
    private const string Endings = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private const string Rest = @" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Gpt2 = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string Llama3 = Endings + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|" + Rest;
    private const string Upper = @"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]";
    private const string Lower = @"[\p{Ll}\p{Lm}\p{Lo}\p{M}]";
    private const string Between = @"[^\r\n\p{L}\p{N}]?";
    private const string RestWithSlashes = @" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly GgufSplitting s_gpt2 = new(Gpt2);
    private static readonly GgufSplitting s_llama3 = new(Llama3) { IgnoresMerges = true, Begins = true };
    private static readonly GgufSplitting s_qwen2 = new(Endings + @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|" + Rest) { IsComposed = true };

    private static readonly Dictionary<string, GgufSplitting> s_all = new(StringComparer.Ordinal)
    {
        ["gpt-2"] = s_gpt2,
        ["phi-2"] = s_gpt2,
        ["olmo"] = s_gpt2,
        ["llama3"] = s_llama3,
        ["llama-v3"] = s_llama3,
        ["llama-bpe"] = s_llama3,
        ["falcon3"] = s_llama3,
        ["dbrx"] = new(Llama3),
        ["smaug-bpe"] = new(Llama3),
        ["qwen2"] = s_qwen2,
        ["deepseek-r1-qwen"] = s_qwen2,
        ["smollm"] = new(@"\p{N}", Gpt2),
        ["tekken"] = new($"{Between}{Upper}*{Lower}+|{Between}{Upper}+{Lower}*|\\p{{N}}|{RestWithSlashes}") { IgnoresMerges = true, Begins = true },
        ["gpt-4o"] = new($"{Between}{Upper}*{Lower}+{Endings}?|{Between}{Upper}+{Lower}*{Endings}?|\\p{{N}}{{1,3}}|{RestWithSlashes}"),
        ["default"] = new(@"[\p{P}\$\+<=>\^~\|]+", @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)", @"\p{N}+", "[0-9][0-9][0-9]"),
    };

    /// <summary>Whether a piece that is a token becomes that token whatever the merges say.</summary>
    public bool IgnoresMerges { get; init; }

    /// <summary>Whether texts begin with a token, unless the file says otherwise.</summary>
    public bool Begins { get; init; }

    /// <summary>Whether letters and their accents become one character first.</summary>
    public bool IsComposed { get; init; }

    /// <summary>The one of a file.</summary>
    /// <exception cref="ModelFormatException">It is not supported.</exception>
    public static GgufSplitting Of(GgufFile file)
    {
        string name = file.FindText("tokenizer.ggml.pre") ?? "default";
        return s_all.GetValueOrDefault(name) ??
            throw new ModelFormatException(file.Path, $"texts are divided as '{name}' says (tokenizer.ggml.pre), which is not supported; supported are {string.Join(", ", s_all.Keys)}.");
    }
}
