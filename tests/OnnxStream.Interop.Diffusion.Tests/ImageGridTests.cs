namespace OnnxStream.Interop.Diffusion.Tests;

public class ImageGridTests
{
    [Test]
    public void Arrange_FillsRowByRow()
    {
        RgbImage grid = ImageGrid.Arrange([.. Enumerable.Range(1, 3).Select(value => Filled(2, 1, (byte)value))], 2);
        Assert.Multiple(() =>
        {
            Assert.That((grid.Width, grid.Height), Is.EqualTo((4, 2)));
            Assert.That(grid.Pixels.ToArray().Where((_, i) => i % 3 == 0), Is.EqualTo((byte[])[1, 1, 2, 2, 3, 3, 0, 0]));
        });
    }

    [Test]
    public void Arrange_IsNotWiderThanItsPictures() =>
        Assert.That(ImageGrid.Arrange([Filled(2, 2, 1)], 4).Width, Is.EqualTo(2));

    [Test]
    public void Arrange_RefusesOtherSizes() =>
        Assert.That(() => ImageGrid.Arrange([Filled(2, 2, 1), Filled(2, 3, 1)], 2), Throws.ArgumentException.With.Message.Contains("2x3"));

    [Test]
    public void Arrange_RefusesNothing() => Assert.That(() => ImageGrid.Arrange([], 2), Throws.ArgumentException);

    private static RgbImage Filled(int width, int height, byte value)
    {
        RgbImage image = new(width, height);
        image.Pixels.Fill(value);
        return image;
    }
}
