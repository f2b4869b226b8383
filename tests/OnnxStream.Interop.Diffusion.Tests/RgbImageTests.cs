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

    [Test]
    public void ToPlanes_IsTheWayBack()
    {
        RgbImage image = new(3, 2);
        new Random(1).NextBytes(image.Pixels);
        Assert.That(RgbImage.FromPlanes(image.ToPlanes(-1, 1), 3, 2).Pixels.SequenceEqual(image.Pixels));
    }

    [Test]
    public void Decode_ReadsPictures()
    {
        RgbImage image = new(5, 4);
        new Random(1).NextBytes(image.Pixels);
        RgbImage decoded = RgbImage.Decode(PngFile.Encode(image, "text"));
        byte[] file = PngFile.Encode(image);
        Assert.Multiple(() =>
        {
            Assert.That((decoded.Width, decoded.Height), Is.EqualTo((5, 4)));
            Assert.That(decoded.Pixels.SequenceEqual(image.Pixels));
            Assert.That(() => RgbImage.Decode([]), Throws.ArgumentException);
            Assert.That(() => RgbImage.Decode(file.AsSpan(0, 60)), Throws.ArgumentException);
        });
    }

    [Test]
    public void Resize_KeepsFlatColoursAndMeans()
    {
        RgbImage image = new(8, 6);
        for (int i = 0; i < image.Pixels.Length; i++)
        {
            image.Pixels[i] = (byte)(i % 3 == 0 ? 200 : i / 3 % 8 < 4 ? 0 : 100);
        }

        RgbImage small = image.Resize(4, 3), large = image.Resize(16, 12), same = image.Resize(8, 6);
        Assert.Multiple(() =>
        {
            Assert.That(same.Pixels.SequenceEqual(image.Pixels));
            Assert.That((small.Width, small.Height, large.Width, large.Height), Is.EqualTo((4, 3, 16, 12)));
            foreach (RgbImage resized in (RgbImage[])[small, large])
            {
                byte[] pixels = resized.Pixels.ToArray();
                Assert.That(pixels.Where((_, i) => i % 3 == 0), Has.All.EqualTo(200));
                Assert.That(pixels.Where((_, i) => i % 3 == 1).Average(value => value), Is.EqualTo(50).Within(1));
            }
        });
    }
}
