using OnnxStream.Interop.Diffusion.Prompts;
using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests.Prompts;

public class PromptChunkTests
{
    // 14 tokens have room.
    private static readonly ClipTokenizer Tokenizer = new(PipelineConfiguration.FromFolder(TinyShapesModel.Folder).Tokenizer);

    [Test]
    public void Read_GivesWhatTheTokenizerGives() => Assert.That(PromptChunk.Read("a red circle", Tokenizer).Single().Ids, Is.EqualTo(Tokenizer.Encode("a red circle")));

    [Test]
    public void Read_DividesLongPrompts()
    {
        IReadOnlyList<PromptChunk> chunks = PromptChunk.Read(string.Concat(Enumerable.Repeat("red ", 20)), Tokenizer);
        Assert.That(chunks.Select(chunk => chunk.TokenCount), Is.EqualTo(new[] { 14, 6 }));
        Assert.That(chunks[1].Ids, Is.EqualTo(Tokenizer.Encode("red red red red red red")));
    }

    [Test]
    public void Read_RatherEndsAtAComma()
    {
        Assume.That(Tokenizer.Tokenize(","), Has.Count.EqualTo(1));
        IReadOnlyList<PromptChunk> chunks = PromptChunk.Read("red red red red red red red red red red, red red red red red red", Tokenizer);
        Assert.That(chunks.Select(chunk => chunk.TokenCount), Is.EqualTo(new[] { 11, 6 }));
    }

    [Test]
    public void Read_EndsAtBreaks()
    {
        IReadOnlyList<PromptChunk> chunks = PromptChunk.Read("red BREAK (blue:1.5) square", Tokenizer);
        Assert.That(chunks.Select(chunk => chunk.TokenCount), Is.EqualTo(new[] { 1, 2 }));
        Assert.That(chunks[1].Weights[..4], Is.EqualTo(new[] { 1, 1.5f, 1, 1 }));
        Assert.That(PromptChunk.Read("(blue:1.5)", Tokenizer, isPlain: true).Single().Ids, Is.EqualTo(Tokenizer.Encode("(blue:1.5)")));
    }

    [Test]
    public void Apply_KeepsTheMean()
    {
        PromptChunk chunk = new([0, 1, 2], [1, 2, 1], 1);
        TensorBuffer states = TensorBuffer.Create<float>([1, 3, 2, 2, 5, 5], 1, 3, 2);
        chunk.Apply(states);

        // 18 become 22, and go back to 18.
        float factor = 18f / 22;
        Assert.That(states.Span<float>().ToArray(), Is.EqualTo(new[] { 1f, 3, 4, 4, 5, 5 }.Select(value => value * factor)).Within(1e-6));
    }
}
