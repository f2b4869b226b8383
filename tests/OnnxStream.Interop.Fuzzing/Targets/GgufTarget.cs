using OnnxStream.Interop.Fuzzing.Mutators;
using OnnxStream.Interop.Language;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>GGUF files whose bytes are changed: mostly where lengths, types and places stand, before the weights.</summary>
internal sealed class GgufTarget() : FuzzTarget("gguf")
{
    private const int HeadBytes = 4096;
    private const long MemoryBudget = 64 << 20;

    private byte[][]? _files;

    /// <inheritdoc/>
    public override void Prepare() => _files ??= [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Models", "gguf")).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken)
    {
        byte[] file = random.Pick(_files!);
        int head = random.Next(4) == 0 ? file.Length : Math.Min(file.Length, HeadBytes);
        byte[] mutated = [.. ByteMutator.Mutate(file.AsSpan(0, head).ToArray(), random), .. file.AsSpan(head)];
        string path = Path.Combine(folder, "model.gguf");
        File.WriteAllBytes(path, mutated);
        if (random.Next(3) == 0)
        {
            ModelUse.Run(path, folder, [], random, cancellationToken);
            return;
        }

        using LanguageModel model = LanguageModel.FromFile(path, new LanguageModelOptions { ChunkLength = 4, Session = new SessionOptions { ThreadCount = 1, MemoryBudget = MemoryBudget } });
        if (model.HasTokenizer)
        {
            model.Tokenizer.Decode([.. model.Tokenizer.Encode("a few words, 12 and \U0001F600 </s>", addSpecialTokens: true)]);
        }

        // Any model knows its first token.
        const int Few = 8;
        if (model.ContextLength > Few)
        {
            using Conversation conversation = model.CreateConversation();
            _ = conversation.Generate([0, 0, 0], new GenerationOptions { MostTokens = 3, IgnoreEndTokens = true }, progress: null, cancellationToken).Count();
        }
    }
}
