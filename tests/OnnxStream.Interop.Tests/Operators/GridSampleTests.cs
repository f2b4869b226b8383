namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GridSampleTests
{
    private static readonly string[] s_borders = ["zeros", "border", "reflection"];

    [Test]
    public void TwoDimensions([Values("linear", "nearest", "cubic")] string mode, [ValueSource(nameof(s_borders))] string border, [Values(0, 1)] int align) =>
        new OperatorTester("GridSample", 20) { Tolerance = 2e-5 }.Input(TestTensors.Floats(1, 2, 3, 5, 7)).Input(TestTensors.Random(ElementType.Float32, 2, -2.5, 2.5, 2, 11, 13, 2))
            .Attribute("mode", mode).Attribute("padding_mode", border).Attribute("align_corners", align).Check(constantsToo: false);

    [Test]
    public void OldNames([Values("bilinear", "nearest", "bicubic")] string mode) =>
        new OperatorTester("GridSample", 16) { Tolerance = 2e-5 }.Input(TestTensors.Floats(1, 1, 2, 5, 7)).Input(TestTensors.Random(ElementType.Float32, 2, -1.2, 1.2, 1, 4, 5, 2)).Attribute("mode", mode).Check();

    [Test]
    public void ThreeDimensions([Values("linear", "nearest")] string mode, [ValueSource(nameof(s_borders))] string border, [Values(0, 1)] int align) =>
        new OperatorTester("GridSample", 20) { Tolerance = 2e-5 }.Input(TestTensors.Floats(1, 1, 2, 4, 5, 3)).Input(TestTensors.Random(ElementType.Float32, 2, -2.5, 2.5, 1, 3, 4, 5, 3))
            .Attribute("mode", mode).Attribute("padding_mode", border).Attribute("align_corners", align).Check();

    [Test]
    public void CentersOfElements([Values("linear", "nearest", "cubic")] string mode)
    {
        // With aligned corners, these are the elements themselves.
        TensorBuffer grid = TensorBuffer.Create<float>([-1, -1, 0, -1, 1, -1, -1, 1, 0, 1, 1, 1], 1, 2, 3, 2);
        TensorBuffer image = TestTensors.Floats(1, 1, 1, 2, 3);
        TestTensors.AssertNumbersClose(new OperatorTester("GridSample", 20).Input(image).Input(grid).Attribute("mode", mode).Attribute("align_corners", 1).Run(), TestTensors.ToDoubles(image), 1e-6, mode);
    }

    [Test]
    public void NoNumbers([Values("linear", "nearest", "cubic")] string mode, [ValueSource(nameof(s_borders))] string border) =>
        new OperatorTester("GridSample", 20).Input(TestTensors.Floats(1, 1, 1, 2, 3))
            .Input(TensorBuffer.Create<float>([float.NaN, 0, float.PositiveInfinity, 0, 0, float.NegativeInfinity, 1e30f, -1e30f], 1, 2, 2, 2)).Attribute("mode", mode).Attribute("padding_mode", border).Run();

    [TestCase(ElementType.Float64, 1e-4)]
    [TestCase(ElementType.Float16, 1e-2)]
    public void OtherPrecisions(ElementType type, double tolerance)
    {
        OperatorTester Tester(ElementType elementType) => new OperatorTester("GridSample", 20).Input(TestTensors.Rounded(elementType, 1, 1, 2, 5, 7)).Input(TestTensors.Rounded(elementType, 2, 1, 4, 5, 2)).Output(elementType);
        TestTensors.AssertNumbersClose(Tester(type).Run(), TestTensors.ToDoubles(Tester(ElementType.Float32).Run()), tolerance, "GridSample");
    }

    [Test]
    public void OfMicrosoft([Values("bilinear", "nearest", "bicubic", null)] string? mode, [Values(0, 1)] int aligned)
    {
        OperatorTester tester = new OperatorTester("GridSample", 17, "com.microsoft").Input(TestTensors.Floats(1, 1, 2, 5, 7)).Input(TestTensors.Random(ElementType.Float32, 2, -1.2, 1.2, 1, 3, 4, 2)).Attribute("align_corners", aligned);
        _ = mode is null ? tester : tester.Attribute("mode", mode);
        tester.Check();
    }

    [Test]
    public void WrongAttributes()
    {
        OperatorTester Tester() => new OperatorTester("GridSample", 20).Input(TestTensors.Floats(1, 1, 2, 5, 7)).Input(TestTensors.Floats(1, 1, 3, 4, 2));
        Tester().Attribute("mode", "area").Fails<InvalidGraphException>();
        Tester().Attribute("padding_mode", "wrap").Fails<InvalidGraphException>();
        new OperatorTester("GridSample", 20).Input(TestTensors.Floats(1, 1, 2, 5, 7)).Input(TestTensors.Floats(1, 1, 3, 4, 3)).Fails<InvalidGraphException>();
        new OperatorTester("GridSample", 20).Input(TestTensors.Floats(1, 1, 2, 5, 7)).Input(TestTensors.Floats(1, 2, 3, 4, 2)).Fails<InvalidGraphException>();
    }
}
