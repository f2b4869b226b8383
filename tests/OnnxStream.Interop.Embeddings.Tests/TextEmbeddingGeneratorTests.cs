using Microsoft.Extensions.AI;

namespace OnnxStream.Interop.Embeddings.Tests;

public class TextEmbeddingGeneratorTests
{
    [Test]
    public async Task ItGeneratesWhatTheEmbedderDoes()
    {
        TextEmbedder embedder = new(EmbeddingModels.MiniLm);
        using IEmbeddingGenerator<string, Embedding<float>> generator = embedder.AsIEmbeddingGenerator("all-MiniLM-L6-v2");
        GeneratedEmbeddings<Embedding<float>> embeddings = await generator.GenerateAsync(["hello world", "good bye"]);
        Assert.That(embeddings, Has.Count.EqualTo(2));
        Assert.That(embeddings[0].Vector.ToArray(), Is.EqualTo(embedder.Embed("hello world")).Within(1e-6f));
        Assert.That(embeddings[0].ModelId, Is.EqualTo("all-MiniLM-L6-v2"));
        Assert.That(embeddings.Usage!.InputTokenCount, Is.EqualTo(8));
        EmbeddingGeneratorMetadata metadata = generator.GetRequiredService<EmbeddingGeneratorMetadata>();
        Assert.That((metadata.ProviderName, metadata.DefaultModelId, metadata.DefaultModelDimensions), Is.EqualTo(("onnxstream", "all-MiniLM-L6-v2", 384)));
        Assert.That(generator.GetService<TextEmbedder>(), Is.SameAs(embedder));
        Assert.That(generator.GetService<TextEmbedder>("key"), Is.Null);
        Assert.That(async () => await generator.GenerateAsync(["x"], new EmbeddingGenerationOptions { Dimensions = 128 }), Throws.InstanceOf<ArgumentException>().With.Message.Contains("384"));
    }
}
