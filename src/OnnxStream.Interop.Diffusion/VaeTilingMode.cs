namespace OnnxStream.Interop.Diffusion;

/// <summary>When a VAE works on a picture in tiles.</summary>
public enum VaeTilingMode
{
    /// <summary>Where the whole picture does not fit into <see cref="SessionOptions.MemoryBudget"/>, or the model has a fixed size that is smaller; the tiles are as large as the budget allows.</summary>
    Auto,

    /// <summary>Always, in tiles of <see cref="VaeTiling.TileSize"/>.</summary>
    On,

    /// <summary>Never.</summary>
    Off,
}
