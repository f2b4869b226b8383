namespace OnnxStream.Interop.Diffusion;

/// <summary>How a picture is divided into tiles for a VAE; whole, it is one tile.</summary>
/// <param name="Rows">The tiles from top to bottom, in latents.</param>
/// <param name="Columns">The tiles from left to right, in latents.</param>
internal sealed record TileGrid(TileLine Rows, TileLine Columns)
{
    /// <summary>The number of tiles.</summary>
    public int Count => Rows.Starts.Count * Columns.Starts.Count;

    /// <summary>Decides.</summary>
    /// <param name="tiling">What is asked for.</param>
    /// <param name="height">The height of the picture in latents.</param>
    /// <param name="width">The width of the picture in latents.</param>
    /// <param name="pixels">The pixels along a side of a latent.</param>
    /// <param name="fixedHeight">The height that the model declares, in latents; null where it leaves that open. Not more than that of the picture.</param>
    /// <param name="fixedWidth">The width that the model declares, likewise.</param>
    /// <param name="fits">Whether tiles of a height and width fit into the budget; null where there is none.</param>
    public static TileGrid Choose(VaeTiling tiling, int height, int width, int pixels, int? fixedHeight, int? fixedWidth, Func<int, int, bool>? fits)
    {
        if (fixedHeight is not null || fixedWidth is not null || tiling.Mode == VaeTilingMode.Off)
        {
            return Of(fixedHeight ?? height, fixedWidth ?? width);
        }

        int usual = (tiling.TileSize ?? VaeTiling.UsualTileSize) / pixels;
        if (tiling.Mode == VaeTilingMode.On)
        {
            return Of(usual, usual);
        }

        if (fits is null || fits(height, width))
        {
            return Of(height, width);
        }

        if (tiling.TileSize is not null)
        {
            return Of(usual, usual);
        }

        // With an overlap of a quarter, n tiles cover n - (n - 1) / 4 times their length.
        int longest = Math.Max(height, width), smallest = Math.Min(longest, Math.Max(1, VaeTiling.SmallestTileSize / pixels));
        int side = longest;
        for (int count = 2; side > smallest; count++)
        {
            side = Math.Max(smallest, (int)Math.Ceiling(longest / (count - ((count - 1) / 4.0))));
            if (fits(Math.Min(side, height), Math.Min(side, width)))
            {
                break;
            }
        }

        return Of(side, side);

        TileGrid Of(int tileHeight, int tileWidth) => new(Line(height, tileHeight), Line(width, tileWidth));

        TileLine Line(int length, int tile) => new(length, tile, Math.Min(tiling.Overlap / pixels ?? Math.Min(tile, length) / 4, Math.Min(tile, length) / 2));
    }

    /// <summary>Computes a picture, or its latents, a tile at a time, and blends the tiles where they overlap.</summary>
    /// <param name="source">What tiles are cut from, <c>[1, channels, height, width]</c>, in latents or in pixels.</param>
    /// <param name="compute">Makes of a tile what belongs there, <c>[1, channels, height, width]</c>, in pixels or in latents.</param>
    public TensorBuffer Compute(TensorBuffer source, Func<TensorBuffer, TensorBuffer> compute)
    {
        if (Count == 1)
        {
            return compute(source);
        }

        int scale = checked((int)source.Shape[2]) / Rows.Length;
        TensorBuffer? result = null;
        for (int row = 0; row < Rows.Starts.Count; row++)
        {
            for (int column = 0; column < Columns.Starts.Count; column++)
            {
                TensorBuffer part = compute(Cut(source, row, column, scale));
                int resultScale = checked((int)part.Shape[2]) / Rows.Tile;
                result ??= new TensorBuffer(ElementType.Float32, new Shape(1, part.Shape[1], (long)Rows.Length * resultScale, (long)Columns.Length * resultScale));
                Add(part, result, row, column, resultScale);
            }
        }

        return result!;
    }

    private TensorBuffer Cut(TensorBuffer source, int row, int column, int scale)
    {
        int channels = checked((int)source.Shape[1]), height = Rows.Tile * scale, width = Columns.Tile * scale, sourceWidth = Columns.Length * scale, sourceHeight = Rows.Length * scale;
        TensorBuffer tile = new(ElementType.Float32, new Shape(1, channels, height, width));
        for (int line = 0; line < channels * height; line++)
        {
            int from = (((line / height * sourceHeight) + (Rows.Starts[row] * scale) + (line % height)) * sourceWidth) + (Columns.Starts[column] * scale);
            source.Span<float>().Slice(from, width).CopyTo(tile.Span<float>()[(line * width)..]);
        }

        return tile;
    }

    private void Add(TensorBuffer part, TensorBuffer result, int row, int column, int scale)
    {
        float[] down = Rows.Weights(row, scale), across = Columns.Weights(column, scale);
        int height = down.Length, width = across.Length, resultWidth = Columns.Length * scale, resultHeight = Rows.Length * scale;
        ReadOnlySpan<float> values = part.Span<float>();
        for (int line = 0; line < part.Shape[1] * height; line++)
        {
            int to = (((line / height * resultHeight) + (Rows.Starts[row] * scale) + (line % height)) * resultWidth) + (Columns.Starts[column] * scale);
            Span<float> target = result.Span<float>().Slice(to, width);
            for (int x = 0; x < width; x++)
            {
                target[x] += values[(line * width) + x] * down[line % height] * across[x];
            }
        }
    }
}
