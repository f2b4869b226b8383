namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FuseUpsamplingTests
{
    private static PassTester Decoder(string coordinates, string rounding, float scale = 2, int size = 17, int channels = 48) =>
        new PassTester { Tolerance = 1e-3 }.Input("x", TestTensors.Floats(1, 2, channels, size, size)).Constant("v", TestTensors.Floats(4, channels, channels, 1, 1)).Constant("w", TestTensors.Floats(2, 56, channels, 3, 3)).Constant("b", TestTensors.Floats(3, 56))
            .Constant("scales", TensorBuffer.Create<float>([1, 1, scale, scale], 4))
            .Node("Conv", "x v", "a").Node("Resize", "a - scales", "u", ("mode", "nearest"), ("coordinate_transformation_mode", coordinates), ("nearest_mode", rounding))
            .Node("Conv", "u w b", "y", ("pads", new[] { 1, 1, 1, 1 })).Output("y");

    [TestCase("asymmetric", "floor")]
    [TestCase("half_pixel", "round_prefer_floor")]
    [TestCase("half_pixel", "round_prefer_ceil")]
    public void EachPixelBecomesFour(string coordinates, string rounding) => Decoder(coordinates, rounding).Has(0, "Resize").Check();

    [TestCase("asymmetric", "ceil", 2f)]
    [TestCase("half_pixel", "floor", 2f)]
    [TestCase("align_corners", "floor", 2f)]
    [TestCase("asymmetric", "floor", 3f)]
    [TestCase("asymmetric", "floor", 2.01f)]
    public void OtherCoordinates(string coordinates, string rounding, float scale) => Decoder(coordinates, rounding, scale).Has(1, "Resize").Check();

    // Too small an image for Winograd's algorithm.
    [Test]
    public void SmallImage() => Decoder("asymmetric", "floor", size: 6).Has(1, "Resize").Check();

    [Test]
    public void UpsampledImageIsReadElsewhere() => Decoder("asymmetric", "floor").Node("Sin", "u", "z").Output("z").Has(1, "Resize").Check();
}
