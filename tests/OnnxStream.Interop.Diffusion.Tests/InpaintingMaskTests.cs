namespace OnnxStream.Interop.Diffusion.Tests;

public class InpaintingMaskTests
{
    [Test]
    public void ToLatents_TakesTheMajorityOfPixels()
    {
        RgbImage mask = new(8, 4);
        for (int y = 0; y < 4; y++)
        {
            for (int x = 0; x < 3; x++)
            {
                mask.Pixels.Slice(((y * 8) + x) * 3, 3).Fill(255);
            }
        }

        Assert.Multiple(() =>
        {
            Assert.That(new InpaintingMask(mask, 0).ToLatents(4), Is.EqualTo(new[] { 1f, 0 }));
            Assert.That(new InpaintingMask(mask, 0).ToLatents(2), Is.EqualTo(new[] { 1f, 1, 0, 0, 1, 1, 0, 0 }));
        });
    }

    /// <summary>A blurred edge is the normal distribution's: half at the edge, 84 % a standard deviation inside.</summary>
    [Test]
    public void Compose_BlursTheEdge()
    {
        RgbImage mask = new(80, 3), white = new(80, 3);
        white.Pixels.Fill(255);
        for (int i = 0; i < mask.Pixels.Length; i++)
        {
            mask.Pixels[i] = (byte)(i / 3 % 80 < 40 ? 255 : 0);
        }

        RgbImage result = new InpaintingMask(mask, 4).Compose(new RgbImage(80, 3), white);
        Assert.Multiple(() =>
        {
            Assert.That((result.Pixels[3 * 39] + result.Pixels[3 * 40]) / 2.0, Is.EqualTo(127.5).Within(1));
            Assert.That((result.Pixels[3 * 35] + result.Pixels[3 * 36]) / 2.0, Is.EqualTo(0.8413 * 255).Within(3));
            Assert.That((result.Pixels[0], result.Pixels[3 * 79]), Is.EqualTo(((byte)255, (byte)0)));
        });
    }
}
