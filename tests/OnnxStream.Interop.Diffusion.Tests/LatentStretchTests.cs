namespace OnnxStream.Interop.Diffusion.Tests;

public class LatentStretchTests
{
    // Half of a latent is beyond the outermost ones: they go on.
    [Test]
    public void BetweenLatentsItIsLinear()
    {
        TensorBuffer stretched = LatentStretch.Stretch(TensorBuffer.Create<float>([0, 4, 8, 0, 4, 8, 10, 14, 18, 10, 14, 18], 1, 2, 2, 3), 4, 6);
        Assert.That(stretched.Shape, Is.EqualTo(new Shape(1, 2, 4, 6)));
        float[] row = [0, 1, 3, 5, 7, 8];
        Assert.That(stretched.Span<float>().ToArray(), Is.EqualTo((float[])[.. Enumerable.Range(0, 8).SelectMany(line => row.Select(value => value + (line < 4 ? 0 : 10)))]).Within(1e-5));
    }

    [TestCase(5, 7)]
    [TestCase(3, 3)]
    [TestCase(8, 20)]
    public void AnySizeOfALineIsOnTheLine(int height, int width)
    {
        float[] ramp = [.. Enumerable.Range(0, 9).Select(i => (float)((i / 3 * 10) + (i % 3)))];
        TensorBuffer stretched = LatentStretch.Stretch(TensorBuffer.Create<float>(ramp, 1, 1, 3, 3), height, width);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                double row = Math.Clamp(((y + 0.5) * 3 / height) - 0.5, 0, 2), column = Math.Clamp(((x + 0.5) * 3 / width) - 0.5, 0, 2);
                Assert.That(stretched.Span<float>()[(y * width) + x], Is.EqualTo((10 * row) + column).Within(1e-5));
            }
        }
    }
}
