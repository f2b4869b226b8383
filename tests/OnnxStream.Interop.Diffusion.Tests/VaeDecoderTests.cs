using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests;

public class VaeDecoderTests
{
    [Test]
    public void Decode_GivesTheGoldenPicture() => VerifyGolden(TinyShapesModel.Model("vae_decoder"), 5e-4);

    [Test]
    public void Decode_GivesTheGoldenPictureWithFloat32Weights() =>
        VerifyGolden(TinyShapesModel.ModelWithFloat32Weights("vae_decoder") ?? throw new FileNotFoundException("The float32 VAE decoder is missing."), 1e-4);

    [Test]
    public void Constructor_RefusesAnotherModel() => Assert.That(
        () => new VaeDecoder(TinyShapesModel.Model("unet")), Throws.TypeOf<ModelFormatException>().With.Message.Contains("latents"));

    // The small random decoder looks a latent and a half far; of an overlap of 8 latents, tiles leave out 2.
    [Test]
    public void TilesOfADecoderThatLooksNotFarMakeTheWholePicture()
    {
        using VaeDecoder decoder = new(Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "pipelines", "vae_decoder", "model.onnx"), new SessionOptions { ThreadCount = 1 });
        TensorBuffer latents = Noise(24, 40);
        TileGrid grid = new(new TileLine(24, 16, 8), new TileLine(40, 16, 8));
        TensorBuffer tiled = decoder.Decode(latents, grid, CancellationToken.None);
        Assert.That(grid.Count, Is.EqualTo(8));
        Assert.That(TinyShapesModel.RelativeError(tiled, decoder.Decode(latents)), Is.LessThan(1e-6));
    }

    // The norms and the attention of the demo's decoder look at all of a tile, so its colours differ from those of the whole picture.
    [TestCase(16, 12, 26)]
    [TestCase(28, 16, 24)]
    [TestCase(28, 24, 28)]
    public void TilesOfTheDemoModelMakeNearlyTheWholePicture(int side, int tile, double leastDecibels)
    {
        using TemporaryFolder folder = new();
        using VaeDecoder whole = new(SizedDecoder.Write(folder.Combine("whole/model.onnx"), side), new SessionOptions { ThreadCount = 1 });
        using VaeDecoder tiles = new(SizedDecoder.Write(folder.Combine("tile/model.onnx"), tile), new SessionOptions { ThreadCount = 1 });
        TensorBuffer latents = Mosaic(side);
        TileGrid grid = tiles.ChooseTiles(new VaeTiling(), latents.Shape, 4, null);
        Assert.That(grid.Count, Is.EqualTo(4));
        double error = Decibels(whole.Decode(latents), tiles.Decode(latents, grid, CancellationToken.None));
        TestContext.Out.WriteLine($"{error:f1} dB");
        Assert.That(error, Is.GreaterThan(leastDecibels));
    }

    // Pictures of the golden data side by side, cut to a size.
    private static TensorBuffer Mosaic(int side)
    {
        TensorBuffer golden = TinyShapesModel.Golden("euler12_cfg5_latents");
        TensorBuffer latents = new(ElementType.Float32, new Shape(1, 4, side, side));
        for (int i = 0; i < latents.Shape.ElementCount; i++)
        {
            int x = i % side, y = i / side % side, channel = i / side / side, picture = (y / 16 * 2) + (x / 16);
            latents.Span<float>()[i] = golden.Span<float>()[(((((picture * 4) + channel) * 16) + (y % 16)) * 16) + (x % 16)] / 0.18215f;
        }

        return latents;
    }

    // Of pictures from -1 to 1.
    private static double Decibels(TensorBuffer expected, TensorBuffer actual)
    {
        Assert.That(actual.Shape, Is.EqualTo(expected.Shape));
        double square = 0;
        for (int i = 0; i < expected.Shape.ElementCount; i++)
        {
            double difference = Math.Clamp(expected.Span<float>()[i], -1, 1) - Math.Clamp(actual.Span<float>()[i], -1, 1);
            square += difference * difference;
        }

        return 10 * Math.Log10(4 * expected.Shape.ElementCount / square);
    }

    internal static TensorBuffer Noise(int height, int width)
    {
        TensorBuffer noise = new(ElementType.Float32, new Shape(1, 4, height, width));
        new Diffusion.RandomSources.PhiloxRandomSource(7).NextNormal(noise.Span<float>());
        return noise;
    }

    private static void VerifyGolden(string path, double tolerance)
    {
        using VaeDecoder decoder = new(path);
        TensorBuffer picture = decoder.Decode(TinyShapesModel.Golden("vae_latent_sample"));
        Assert.That(TinyShapesModel.RelativeError(picture, TinyShapesModel.Golden("vae_sample")), Is.LessThan(tolerance));
    }
}
