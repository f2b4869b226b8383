using OnnxStream.Interop.Benchmarks.Models;

namespace OnnxStream.Interop.Benchmarks.Architectures;

/// <summary>A published architecture in its real size, exported by PyTorch with random weights.</summary>
/// <param name="Name">The name that the scripts have for it.</param>
/// <param name="Exporter">The scripts.</param>
/// <param name="Cache">Where it is kept.</param>
internal sealed record ArchitectureModel(string Name, Exporter Exporter, ModelCache Cache) : MeasuredModel(Name)
{
    /// <summary>The names of all architectures: image networks, then transformers.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "resnet50", "resnext", "mobilenet_v2", "mobilenet_v3", "densenet121", "shufflenet_v2", "squeezenet1_1", "inception_v3", "vgg16", "detector", "unet", "unet_bilinear",
        "bert", "gpt2", "llama", "t5_encoder", "t5_decoder", "vit", "whisper_encoder", "whisper_decoder", "diffusion_transformer",
    ];

    /// <inheritdoc/>
    public override string Ensure(Action<string> report, CancellationToken cancellationToken) =>
        Cache.Ensure(Name, folder => Exporter.Export(Name, folder, cancellationToken), report);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> InputFiles(string folder) =>
        Directory.GetFiles(Path.Combine(Cache.FolderOf(Name), "inputs"), "*.npy").Order(StringComparer.Ordinal).ToDictionary(file => Path.GetFileNameWithoutExtension(file)!);
}
