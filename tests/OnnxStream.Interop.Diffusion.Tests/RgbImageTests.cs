namespace OnnxStream.Interop.Diffusion.Tests;

public class RgbImageTests
{
    [Test]
    public void FromPlanes_RoundsAndClamps()
    {
        RgbImage image = RgbImage.FromPlanes([-1, 1, -7, 0, 7, float.NaN], 2, 1);
        Assert.That(image.Pixels.ToArray(), Is.EqualTo((byte[])[0, 0, 255, 255, 128, 0]));
    }

    [Test]
    public void FromPlanes_TakesOtherRanges() =>
        Assert.That(RgbImage.FromPlanes([0, 0.5f, 1], 1, 1, 0, 1).Pixels.ToArray(), Is.EqualTo((byte[])[0, 128, 255]));

    [Test]
    public void FromPlanes_RefusesAnotherNumberOfValues() =>
        Assert.That(() => RgbImage.FromPlanes(new float[11], 2, 2), Throws.TypeOf<ArgumentOutOfRangeException>());

    [Test]
    public void Enlarge_MakesSquares()
    {
        RgbImage image = new(2, 1);
        byte[] pixels = [1, 2, 3, 4, 5, 6];
        pixels.CopyTo(image.Pixels);
        RgbImage large = image.Enlarge(2);
        Assert.Multiple(() =>
        {
            Assert.That((large.Width, large.Height), Is.EqualTo((4, 2)));
            Assert.That(large.Pixels[..12].ToArray(), Is.EqualTo((byte[])[1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6]));
            Assert.That(large.Pixels[12..].SequenceEqual(large.Pixels[..12]));
        });
    }
}
