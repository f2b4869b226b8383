namespace OnnxStream.Interop.Diffusion.Tests;

public class UpscalerTests
{
    private static string Root => Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "upscaler");

    [TestCase("open.onnx", 300, 140)]
    [TestCase("open.onnx", 50, 20)]
    [TestCase("fixed.onnx", 100, 47)]
    [TestCase("fixed.onnx", 10, 100)]
    public void TilesMakeThePictureThatTheNetworkMakesOfAllOfIt(string model, int width, int height)
    {
        RgbImage image = new(width, height);
        Random random = new(3);
        random.NextBytes(image.Pixels);
        using Upscaler upscaler = new(Path.Combine(Root, model), new SessionOptions { ThreadCount = 1 });
        List<double> parts = [];
        RgbImage large = upscaler.Upscale(image, new Recorder(parts));
        Assert.That((large.Width, large.Height), Is.EqualTo((2 * width, 2 * height)));
        Assert.That(parts, Is.Ordered.And.Not.Empty);
        Assert.That(parts[^1], Is.EqualTo(1));
        byte[] expected = Expected(image, model == "fixed.onnx");
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(large.Pixels[i], Is.EqualTo(expected[i]).Within(1), $"{i / 3 % large.Width},{i / 3 / large.Width}");
        }
    }

    [TestCase(128, 128)]
    [TestCase(129, 128)]
    [TestCase(1000, 128)]
    [TestCase(20, 128)]
    [TestCase(100, 40)]
    public void TilesCoverAPictureOnce(int length, int tile)
    {
        int[] starts = Upscaler.Starts(length, tile);
        int next = 0;
        foreach (int start in starts)
        {
            (int first, int end) = Upscaler.Used(starts, start, tile, length);
            Assert.That(first, Is.EqualTo(next).And.AtLeast(start));
            Assert.That(end, Is.GreaterThan(first).And.AtMost(start + Math.Max(tile, length)));
            next = end;
        }

        Assert.That(next, Is.EqualTo(length));
    }

    [Test]
    public void OtherNetworksAreRefused() => Assert.That(
        () => new Upscaler(Path.Combine(Root, "..", "adapters", "unet.onnx")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("makes pictures larger").And.Message.Contains("timestep"));

    // Of a picture that is smaller than the only tile, the last pixels go on. A blur over three by three pixels with zeros around the picture, and each pixel four times, as in the program.
    private static byte[] Expected(RgbImage image, bool isFixed)
    {
        byte[] result = new byte[image.Width * image.Height * 3 * 4];
        for (int y = 0; y < 2 * image.Height; y++)
        {
            for (int x = 0; x < 2 * image.Width; x++)
            {
                for (int channel = 0; channel < 3; channel++)
                {
                    double sum = 0;
                    for (int dy = -1; dy <= 1; dy++)
                    {
                        for (int dx = -1; dx <= 1; dx++)
                        {
                            int row = (y / 2) + dy, column = (x / 2) + dx;
                            row = isFixed && image.Height < 40 ? Math.Min(row, image.Height - 1) : row;
                            column = isFixed && image.Width < 48 ? Math.Min(column, image.Width - 1) : column;
                            bool isInside = row >= 0 && row < image.Height && column >= 0 && column < image.Width;
                            sum += isInside ? image.Pixels[(3 * ((row * image.Width) + column)) + channel] : 0;
                        }
                    }

                    result[(3 * ((y * 2 * image.Width) + x)) + channel] = (byte)Math.Round(sum / 9);
                }
            }
        }

        return result;
    }

    private sealed class Recorder(List<double> parts) : IProgress<double>
    {
        public void Report(double value) => parts.Add(value);
    }
}
