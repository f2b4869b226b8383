using OnnxStream.Interop.Fuzzing.Mutators;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>GGUF files whose bytes are changed: mostly where lengths, types and places stand, before the weights.</summary>
internal sealed class GgufTarget() : FuzzTarget("gguf")
{
    private const int HeadBytes = 4096;

    private byte[][]? _files;

    /// <inheritdoc/>
    public override void Prepare() => _files ??= [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Models", "gguf")).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken)
    {
        byte[] file = random.Pick(_files!);
        int head = random.Next(4) == 0 ? file.Length : Math.Min(file.Length, HeadBytes);
        byte[] mutated = [.. ByteMutator.Mutate(file[..head], random), .. file[head..]];
        string path = Path.Combine(folder, "model.gguf");
        File.WriteAllBytes(path, mutated);
        ModelUse.Run(path, folder, [], random, cancellationToken);
    }
}
