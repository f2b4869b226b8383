namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class RoiAlignTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values("avg", "max")] string mode, [Values("half_pixel", "output_half_pixel")] string coordinates, [Values(0, 2)] int ratio, [Values(1f, 0.5f)] float scale) =>
        new OperatorTester("RoiAlign", 16).Input(TestTensors.Floats(1, 2, 3, 9, 10)).Input(Regions()).Input(TestTensors.Integers(0, 1, 1, 0))
            .Attribute("mode", mode).Attribute("coordinate_transformation_mode", coordinates).Attribute("sampling_ratio", ratio).Attribute("spatial_scale", scale)
            .Attribute("output_height", 3).Attribute("output_width", 4).Check();

    [Test]
    public void OldOperatorSet() =>
        new OperatorTester("RoiAlign", 10).Input(TestTensors.Floats(1, 2, 3, 9, 10)).Input(Regions()).Input(TestTensors.Integers(0, 1, 1, 0)).Attribute("output_height", 2).Check();

    [Test]
    public void DoublePrecision() =>
        new OperatorTester("RoiAlign", 16).Input(TestTensors.Random(ElementType.Float64, 1, -2, 2, 1, 2, 9, 10)).Input(TestTensors.FromDoubles(ElementType.Float64, TestTensors.ToDoubles(Regions()), 4, 4)).Input(TestTensors.Integers(0, 0, 0, 0)).Output(ElementType.Float64).Check();

    [TestCase(2)]
    [TestCase(-1)]
    public void ImageOutOfRange(long image) =>
        new OperatorTester("RoiAlign", 16).Input(TestTensors.Floats(1, 2, 3, 9, 10)).Input(Regions()).Input(TestTensors.Integers(0, 1, image, 0)).Fails<InvalidInputException>();

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(1e12f)]
    public void ImpossibleRegion(float coordinate) =>
        new OperatorTester("RoiAlign", 16).Input(TestTensors.Floats(1, 1, 1, 9, 10)).Input(TensorBuffer.Create<float>([0, 0, coordinate, coordinate], 1, 4)).Input(TestTensors.Integers(0)).Fails<InvalidInputException>();

    [Test]
    public void WrongAttributes()
    {
        OperatorTester Tester() => new OperatorTester("RoiAlign", 16).Input(TestTensors.Floats(1, 2, 3, 9, 10)).Input(Regions()).Input(TestTensors.Integers(0, 1, 1, 0));
        Tester().Attribute("mode", "sum").Fails<InvalidGraphException>();
        Tester().Attribute("coordinate_transformation_mode", "x").Fails<InvalidGraphException>();
        Tester().Attribute("output_height", 0).Fails<InvalidGraphException>();
        Tester().Attribute("sampling_ratio", -1).Fails<InvalidGraphException>();
    }

    // The last one reaches over the edge.
    private static TensorBuffer Regions() => TensorBuffer.Create<float>([1, 2, 7, 8, 0, 0, 3.5f, 4.25f, 5, 5, 5.25f, 6, 4, 4, 14, 15], 4, 4);
}
