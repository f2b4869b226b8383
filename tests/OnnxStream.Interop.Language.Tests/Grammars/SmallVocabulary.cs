using System.Text.Json.Nodes;
using OnnxStream.Interop.Language.Tokenizers;

namespace OnnxStream.Interop.Language.Tests.Grammars;

/// <summary>A vocabulary of the kind of Llama 2: pieces with SentencePiece's sign for spaces, all bytes for what is missing, and a space before the text that is dropped again.</summary>
internal static class SmallVocabulary
{
    /// <summary>Writes and reads the tokenizer.</summary>
    public static Tokenizer Read()
    {
        string[] pieces =
        [
            "<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(value => $"<0x{value:X2}>"), "▁", .. Enumerable.Range('!', 94).Select(value => ((char)value).ToString()),
            "▁a", "▁{", "▁\"", "{\"", "\":", "▁yes", "no", "body", "▁maybe", "e\"", "},", "]}", "▁▁", "▁▁▁▁", "☃", "é", "αβ", "true", "false", "null", "12", "2026", "red", "▁\":", "\"}", "xyz", "ab",
        ];
        JsonObject vocabulary = [];
        foreach (string piece in pieces)
        {
            vocabulary.TryAdd(piece, vocabulary.Count);
        }

        JsonObject tokenizer = new()
        {
            ["added_tokens"] = new JsonArray([.. Enumerable.Range(0, 3).Select(id => (JsonNode)new JsonObject { ["id"] = id, ["content"] = pieces[id], ["special"] = true, ["normalized"] = false })]),
            ["normalizer"] = new JsonObject { ["type"] = "Sequence", ["normalizers"] = new JsonArray(new JsonObject { ["type"] = "Prepend", ["prepend"] = "▁" }, Replace(" ", "▁")) },
            ["decoder"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["decoders"] = new JsonArray(
                    Replace("▁", " "), new JsonObject { ["type"] = "ByteFallback" }, new JsonObject { ["type"] = "Fuse" }, new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 }),
            },
            ["model"] = new JsonObject { ["type"] = "BPE", ["unk_token"] = "<unk>", ["byte_fallback"] = true, ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        };
        string path = Path.Combine(Directory.CreateTempSubdirectory("onnxstream-").FullName, Tokenizer.FileName);
        try
        {
            File.WriteAllText(path, tokenizer.ToJsonString());
            return Tokenizer.FromFile(path);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    private static JsonObject Replace(string text, string content) => new() { ["type"] = "Replace", ["pattern"] = new JsonObject { ["String"] = text }, ["content"] = content };
}
