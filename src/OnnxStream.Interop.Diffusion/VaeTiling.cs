namespace OnnxStream.Interop.Diffusion;

/// <summary>Whether a VAE works on a picture in tiles, which overlap and are blended where they do, so that its memory does not grow with the picture.</summary>
/// <remarks>
/// A tile knows nothing of the picture beyond its edge, and a VAE looks at all of what it is given (its norms and its attention do): colours of a picture in tiles differ a
/// little from those of the whole one. Larger tiles differ less.
/// </remarks>
public sealed record VaeTiling
{
    /// <summary>The side of a tile where nothing else decides, in pixels.</summary>
    public const int UsualTileSize = 512;

    /// <summary>The side of the smallest tile that <see cref="VaeTilingMode.Auto"/> takes, in pixels.</summary>
    public const int SmallestTileSize = 128;

    /// <summary>When there are tiles.</summary>
    public VaeTilingMode Mode { get; init; }

    /// <summary>
    /// The side of a tile in pixels, a multiple of what the model's latents stand for (8); null (the default) for the largest that the budget allows, or
    /// <see cref="UsualTileSize"/>. A model of a fixed size has tiles of that size.
    /// </summary>
    public int? TileSize { get; init; }

    /// <summary>How far neighbouring tiles overlap at least, in pixels, at most half a tile; null (the default) for a quarter of a tile.</summary>
    public int? Overlap { get; init; }

    /// <summary>Refuses sizes that make no sense.</summary>
    /// <param name="pixels">The pixels along a side of a latent.</param>
    internal void Check(int pixels)
    {
        if (!Enum.IsDefined(Mode))
        {
            throw new ArgumentOutOfRangeException(nameof(Mode), Mode, "The tiling of the VAE should be Auto, On or Off.");
        }

        if (TileSize is { } size && (size < 2 * pixels || size % pixels != 0))
        {
            throw new ArgumentOutOfRangeException(nameof(TileSize), size, $"The tiles of the VAE should have a multiple of {pixels} pixels, at least {2 * pixels}.");
        }

        if (Overlap is { } overlap && (overlap < 0 || overlap % pixels != 0 || overlap > (TileSize ?? UsualTileSize) / 2))
        {
            throw new ArgumentOutOfRangeException(
                nameof(Overlap), overlap, $"The tiles of the VAE should overlap by a multiple of {pixels} pixels, at most half a tile ({(TileSize ?? UsualTileSize) / 2}).");
        }
    }
}
