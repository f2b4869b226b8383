namespace OnnxStream.Interop.Diffusion.Tests;

public class TileLineTests
{
    [Test]
    public void TilesCoverASideAndCountOneTogether([Values(1, 7, 16, 17, 40, 64, 100)] int length, [Values(2, 5, 16)] int tile, [Values(0, 1, 4, 8)] int overlap, [Values(1, 8)] int scale)
    {
        TileLine line = new(length, tile, Math.Min(overlap, tile / 2));
        double[] sums = new double[length * scale];
        int covered = 0;
        for (int i = 0; i < line.Starts.Count; i++)
        {
            Assert.That(line.Starts[i], Is.AtMost(covered).And.AtLeast(i == 0 ? 0 : line.Starts[i - 1] + 1));
            covered = line.Starts[i] + line.Tile;
            float[] weights = line.Weights(i, scale);
            for (int x = 0; x < weights.Length; x++)
            {
                Assert.That(weights[x], Is.InRange(0, 1));
                sums[(line.Starts[i] * scale) + x] += weights[x];
            }
        }

        Assert.That(covered, Is.EqualTo(length));
        Assert.That(sums, Has.All.EqualTo(1).Within(1e-6));
    }

    // A tile knows nothing beyond its edge: there its neighbour counts alone.
    [Test]
    public void ATileDoesNotCountBesideItsEdge()
    {
        TileLine line = new(28, 16, 4);
        float[] weights = line.Weights(1, 2);
        Assert.That(line.Starts, Is.EqualTo((int[])[0, 12]));
        Assert.That(weights[..8], Is.EqualTo((float[])[0, 0, 0.125f, 0.375f, 0.625f, 0.875f, 1, 1]).Within(1e-6f));
        Assert.That(weights[8..], Has.All.EqualTo(1), "the picture ends with the last tile");
        Assert.That(line.Weights(0, 2)[..24], Has.All.EqualTo(1));
    }

    [Test]
    public void AsManyTilesAsNeeded() => Assert.That(new TileLine(128, 64, 16).Starts, Is.EqualTo((int[])[0, 32, 64]), "two of them would overlap by nothing");
}
