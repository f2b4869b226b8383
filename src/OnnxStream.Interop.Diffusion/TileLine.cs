namespace OnnxStream.Interop.Diffusion;

/// <summary>How one side of a picture is covered by tiles that overlap, and how much each of them counts where. Positions are those of latents.</summary>
internal sealed class TileLine
{
    /// <summary>Spreads tiles evenly.</summary>
    /// <param name="length">The length of the side.</param>
    /// <param name="tile">The length of a tile; one that is longer than the side is as long as it.</param>
    /// <param name="overlap">How far neighbours overlap at least; at most half a tile.</param>
    public TileLine(int length, int tile, int overlap)
    {
        Length = length;
        Tile = Math.Min(tile, length);
        int step = Math.Max(1, Tile - overlap);
        int gaps = (length - Tile + step - 1) / step;
        Starts = [.. Enumerable.Range(0, gaps + 1).Select(i => gaps == 0 ? 0 : (int)((long)i * (length - Tile) / gaps))];
    }

    /// <summary>The length of the side.</summary>
    public int Length { get; }

    /// <summary>The length of a tile.</summary>
    public int Tile { get; }

    /// <summary>Where tiles begin.</summary>
    public IReadOnlyList<int> Starts { get; }

    /// <summary>How much a tile counts at each of its positions, from 0 to 1. At every position of the side, all tiles together count 1.</summary>
    /// <param name="index">The tile.</param>
    /// <param name="scale">The positions that a latent has: 1, or the pixels along its side.</param>
    public float[] Weights(int index, int scale)
    {
        float[] weights = new float[Tile * scale];
        for (int i = 0; i < weights.Length; i++)
        {
            double position = Starts[index] + ((i + 0.5) / scale), sum = 0;
            for (int other = 0; other < Starts.Count; other++)
            {
                sum += Ramp(other, position);
            }

            weights[i] = (float)(Ramp(index, position) / sum);
        }

        return weights;
    }

    // Up and down along the middle half of what a tile shares with a neighbour: what lies beside its edge does not count, since it knows nothing beyond.
    private double Ramp(int index, double position)
    {
        int start = Starts[index], end = start + Tile;
        if (position < start || position >= end)
        {
            return 0;
        }

        double up = index == 0 ? 1 : Part(position - start, Starts[index - 1] + Tile - start);
        double down = index == Starts.Count - 1 ? 1 : 1 - Part(position - Starts[index + 1], end - Starts[index + 1]);
        return Math.Min(up, down);

        // Where tiles only touch, there is nothing to blend.
        static double Part(double place, int shared) => shared == 0 ? (place < 0 ? 0 : 1) : Math.Clamp((place - (shared / 4.0)) / (shared / 2.0), 0, 1);
    }
}
