namespace OnnxStream.Interop.Gguf;

/// <summary>What distinguishes the decoders of a family, beside the numbers that each file has.</summary>
/// <param name="Name">The name that files have for it (<c>general.architecture</c>).</param>
internal sealed record DecoderFamily(string Name)
{
    private static readonly DecoderFamily[] s_all =
    [
        new("llama") { TurnsNeighbours = true },
        new("qwen2"),
        new("qwen3") { HasHeadNorms = true },
        new("phi3") { HasJoinedProjections = true },
        new("gemma2") { IsGemma = true, FullLayerEvery = 2, LayersWithoutHeadScale = 46 },
        new("gemma3") { IsGemma = true, HasHeadNorms = true, FullLayerEvery = 6, LayersWithoutHeadScale = 62, NearFrequencyBase = 10000 },
    ];

    /// <summary>All of them.</summary>
    public static IReadOnlyList<DecoderFamily> All => s_all;

    /// <summary>Whether positions turn pairs of neighbours, not a number and the one half a head behind it. Files of such families have the rows of queries and keys in that order.</summary>
    public bool TurnsNeighbours { get; init; }

    /// <summary>Whether heads of queries and keys are normalized before they are turned.</summary>
    public bool HasHeadNorms { get; init; }

    /// <summary>Whether queries, keys and values are one product, and the gate and what it multiplies another.</summary>
    public bool HasJoinedProjections { get; init; }

    /// <summary>Whether embeddings are multiplied with the root of their size, results of layers are normalized, and gates go through GELU: Gemma's way.</summary>
    public bool IsGemma { get; init; }

    /// <summary>Of so many layers, the last sees all positions, and the others those of the sliding window; 0 where all layers are alike.</summary>
    public int FullLayerEvery { get; init; }

    /// <summary>The number of layers of the model whose products are divided by the root of the embedding's part of a head, not of the head's size; 0 for none.</summary>
    public int LayersWithoutHeadScale { get; init; }

    /// <summary>The base of frequencies of layers with a sliding window; 0 where it is that of the others.</summary>
    public float NearFrequencyBase { get; init; }

    /// <summary>The family of a file.</summary>
    /// <exception cref="ModelFormatException">It is none that is known.</exception>
    public static DecoderFamily Of(GgufFile file) => Array.Find(s_all, family => family.Name == file.Architecture) ?? throw file.Error(
        $"{(file.Architecture.Length == 0 ? "the file does not say which architecture the model has (general.architecture)" : $"the architecture '{file.Architecture}' is not supported")}; supported are {string.Join(", ", s_all.Select(family => family.Name))}.");
}
