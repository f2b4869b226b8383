using OnnxStream.Interop.Diffusion.Tests.TinyShapes;

namespace OnnxStream.Interop.Diffusion.Tests;

public class VaeEncoderTests
{
    // The small random encoder looks two latents far.
    [Test]
    public void TilesMakeTheWholeLatents()
    {
        using VaeEncoder encoder = new(Path.Combine(TestContext.CurrentContext.TestDirectory, "Reference", "pipelines", "vae_encoder", "model.onnx"), new SessionOptions { ThreadCount = 1 });
        TensorBuffer planes = new(ElementType.Float32, new Shape(1, 3, 48, 80));
        new Random(5).NextBytes(planes.Bytes);
        foreach (ref float value in planes.Span<float>())
        {
            value = (float.IsFinite(value) ? BitConverter.SingleToUInt32Bits(value) % 256 : 0) / 255f;
        }

        TileGrid grid = encoder.ChooseTiles(new VaeTiling { Mode = VaeTilingMode.On, TileSize = 32, Overlap = 16 }, new Shape(1, 4, 24, 40), 2, null);
        Assert.That(grid.Count, Is.EqualTo(8));
        Assert.That(TinyShapesModel.RelativeError(encoder.Encode(planes, 4, grid, CancellationToken.None), encoder.Encode(planes, 4)), Is.LessThan(1e-6));
    }
}
