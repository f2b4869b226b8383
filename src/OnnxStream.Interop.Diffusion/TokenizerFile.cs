using System.Text.Json;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>A <c>tokenizer.json</c>, as the library tokenizers of Hugging Face saves it: vocabulary, merges and settings in one file.</summary>
/// <remarks>https://github.com/huggingface/tokenizers. Read is what a CLIP tokenizer needs; a file of another kind is refused.</remarks>
internal sealed class TokenizerFile
{
    /// <summary>The name of such a file.</summary>
    public const string Name = "tokenizer.json";

    private readonly JsonFile _file;

    private TokenizerFile(JsonFile file) => _file = file;

    /// <summary>Reads a file.</summary>
    /// <exception cref="ModelFormatException">It is not one of a byte-pair tokenizer.</exception>
    public static TokenizerFile Read(string path, PipelineFiles files)
    {
        JsonFile file = JsonFile.Read(path, files);
        string? type = file.Text("model", "type");
        return type is null or "BPE" && file.Find("model", "vocab") is { ValueKind: JsonValueKind.Object }
            ? new TokenizerFile(file)
            : throw new ModelFormatException(path, $"expected a byte-pair tokenizer as that of CLIP (\"model\" of the type BPE, with a \"vocab\"), found the type {type ?? "none"}.");
    }

    /// <summary>What the file says of tokens, letters and lengths; CLIP's own where it says nothing.</summary>
    public TokenizerConfiguration Configure()
    {
        TokenizerConfiguration defaults = new() { VocabularyPath = _file.FilePath, MergesPath = _file.FilePath };

        // Such post-processors put a token before and one behind each text, as [text, id].
        string? begin = First(_file.Find("post_processor", "cls"));
        string? end = First(_file.Find("post_processor", "sep"));
        return defaults with
        {
            LowerCase = _file.Find("normalizer") is { } normalizer && Contains(normalizer, "Lowercase"),
            BeginToken = begin ?? defaults.BeginToken,
            EndToken = end ?? defaults.EndToken,
            PadToken = _file.Text("padding", "pad_token") ?? end ?? defaults.PadToken,
            ContextLength = _file.PositiveInteger("truncation", "max_length") ?? defaults.ContextLength,
        };
    }

    /// <summary>All tokens and their ids, those that were added included.</summary>
    public IEnumerable<JsonProperty> Vocabulary => _file.Find("model", "vocab")!.Value.EnumerateObject();

    /// <summary>The tokens that are not of the vocabulary, or stand there a second time.</summary>
    public IEnumerable<(string Token, int Id)> AddedTokens()
    {
        foreach (JsonElement token in Elements(_file.Find("added_tokens"), "added_tokens"))
        {
            yield return
                token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.String &&
                token.TryGetProperty("id", out JsonElement id) && id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int number) && number >= 0
                    ? (content.GetString()!, number)
                    : throw new ModelFormatException(_file.FilePath, $"\"added_tokens\" should be objects with a \"content\" and an \"id\", found {token.GetRawText()}.");
        }
    }

    /// <summary>The merges: two symbols with a space between them, or a list of two.</summary>
    public IEnumerable<string> Merges()
    {
        foreach (JsonElement merge in Elements(_file.Find("model", "merges"), "model.merges"))
        {
            yield return
                merge.ValueKind == JsonValueKind.String ? merge.GetString()! :
                merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2 && merge.EnumerateArray().All(symbol => symbol.ValueKind == JsonValueKind.String)
                    ? $"{merge[0].GetString()} {merge[1].GetString()}"
                    : throw new ModelFormatException(_file.FilePath, $"\"model.merges\" should be pairs of symbols, found {merge.GetRawText()}.");
        }
    }

    private JsonElement[] Elements(JsonElement? list, string name) =>
        list is not { } elements ? [] :
        elements.ValueKind == JsonValueKind.Array ? [.. elements.EnumerateArray()] :
        throw new ModelFormatException(_file.FilePath, $"\"{name}\" should be a list, found {elements.ValueKind}.");

    private static string? First(JsonElement? pair) =>
        pair is { ValueKind: JsonValueKind.Array } values && values.GetArrayLength() > 0 && values[0].ValueKind == JsonValueKind.String ? values[0].GetString() : null;

    // A normalizer is one step, or a sequence of some.
    private static bool Contains(JsonElement normalizer, string type) =>
        normalizer.ValueKind == JsonValueKind.Object &&
        ((normalizer.TryGetProperty("type", out JsonElement own) && own.ValueKind == JsonValueKind.String && own.GetString() == type) ||
        (normalizer.TryGetProperty("normalizers", out JsonElement steps) && steps.ValueKind == JsonValueKind.Array && steps.EnumerateArray().Any(step => Contains(step, type))));
}
