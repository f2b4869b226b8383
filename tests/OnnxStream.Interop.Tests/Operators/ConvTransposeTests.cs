namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ConvTransposeTests
{
    [Test]
    public void Geometry([Values(1, 2, 3, 4)] int kernel, [Values(1, 2, 3)] int stride, [Values(1, 2)] int dilation, [Values(0, 1)] int pad, [Values] bool constant)
    {
        pad = kernel == 1 ? 0 : pad;
        new OperatorTester("ConvTranspose", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 2, 5, 7, 6)).Input(TestTensors.Floats(2, 5, 4, kernel, kernel), constant).Input(TestTensors.Floats(3, 4), constant)
            .Attribute("strides", new[] { stride, stride }).Attribute("dilations", new[] { dilation, 1 }).Attribute("pads", new[] { pad, 0, pad, pad }).Check(constantsToo: false);
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(6)]
    public void Groups(int groups) =>
        new OperatorTester("ConvTranspose", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 2, 6, 5, 4)).Constant(TestTensors.Floats(2, 6, 3, 3, 2)).Constant(TestTensors.Floats(3, 3 * groups)).Attribute("group", groups).Attribute("strides", new[] { 2, 1 }).Check();

    [TestCase(1, 1)]
    [TestCase(0, 1)]
    public void OutputPadding(int height, int width) =>
        new OperatorTester("ConvTranspose", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 1, 3, 5, 4)).Constant(TestTensors.Floats(2, 3, 2, 3, 3)).Attribute("strides", new[] { 2, 3 }).Attribute("pads", new[] { 1, 1, 1, 1 })
            .Attribute("output_padding", new[] { height, width }).Check();

    [Test]
    public void OutputShape([Values("NOTSET", "SAME_UPPER", "SAME_LOWER")] string mode, [Values(8, 9, 10, 11, 12)] int size) =>
        new OperatorTester("ConvTranspose", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 1, 3, 5, 4)).Constant(TestTensors.Floats(2, 3, 2, 3, 4)).Constant(TestTensors.Floats(3, 2)).Attribute("strides", new[] { 2, 2 })
            .Attribute("auto_pad", mode).Attribute("output_shape", new[] { size, 9 }).Check();

    [Test]
    public void AutomaticPads([Values("SAME_UPPER", "SAME_LOWER", "VALID")] string mode, [Values(1, 2, 3)] int stride) =>
        new OperatorTester("ConvTranspose", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 1, 3, 5, 4)).Constant(TestTensors.Floats(2, 3, 2, 4, 3)).Attribute("strides", new[] { stride, stride }).Attribute("auto_pad", mode).Check();

    [Test]
    public void OneDimension([Values(1, 3)] int groups) =>
        new OperatorTester("ConvTranspose", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 2, 6, 17)).Constant(TestTensors.Floats(2, 6, 3, 4)).Constant(TestTensors.Floats(3, 3 * groups)).Attribute("group", groups)
            .Attribute("strides", new[] { 2 }).Attribute("pads", new[] { 1, 1 }).Check();

    [Test]
    public void ThreeDimensions([Values(1, 2)] int groups, [Values(1, 2)] int stride) =>
        new OperatorTester("ConvTranspose", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 2, 4, 3, 5, 4)).Constant(TestTensors.Floats(2, 4, 3, 2, 3, 2)).Constant(TestTensors.Floats(3, 3 * groups)).Attribute("group", groups)
            .Attribute("strides", new[] { stride, 1, stride }).Attribute("dilations", new[] { 1, 2, 1 }).Attribute("pads", new[] { 0, 1, 0, 1, 0, 1 }).Check();

    [TestCase(ElementType.Float64, 1e-5)]
    [TestCase(ElementType.Float16, 1e-2)]
    public void OtherPrecisions(ElementType type, double tolerance)
    {
        foreach (int stride in (int[])[1, 3])
        {
            OperatorTester Tester(ElementType elementType) => new OperatorTester("ConvTranspose", 11)
                .Input(TestTensors.Rounded(elementType, 1, 1, 3, 5, 600)).Input(TestTensors.Rounded(elementType, 2, 3, 4, 3, 3)).Input(TestTensors.Rounded(elementType, 3, 4))
                .Attribute("strides", new[] { stride, stride }).Attribute("pads", new[] { 1, 1, 0, 1 }).Output(elementType);
            TestTensors.AssertNumbersClose(Tester(type).Run(), TestTensors.ToDoubles(Tester(ElementType.Float32).Run()), tolerance, "ConvTranspose");
        }
    }

    [Test]
    public void WrongAttributes()
    {
        OperatorTester Tester() => new OperatorTester("ConvTranspose", 11).Input(TestTensors.Floats(1, 1, 4, 5, 4)).Input(TestTensors.Floats(2, 4, 3, 3, 3));
        Tester().Attribute("group", 3).Fails<InvalidGraphException>();
        Tester().Attribute("group", 0).Fails<InvalidGraphException>();
        Tester().Attribute("strides", new[] { 0, 1 }).Fails<InvalidGraphException>();
        Tester().Attribute("pads", new[] { 9, 9, 9, 9 }).Fails<InvalidGraphException>();
        Tester().Attribute("output_padding", new[] { -1, 0 }).Fails<InvalidGraphException>();
        Tester().Attribute("output_padding", new[] { 1 }).Fails<InvalidGraphException>();
        Tester().Attribute("output_shape", new[] { 0, 4 }).Fails<InvalidGraphException>();
        Tester().Attribute("kernel_shape", new[] { 2, 3 }).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(3, 4)).Fails<InvalidGraphException>();
    }

    // Found by a mutated folder: XNNPACK died.
    [TestCase(15, 2)]
    [TestCase(14, 1)]
    [TestCase(14, 2)]
    public void OutputSmallerThanStrides(int pad, int padding) =>
        new OperatorTester("ConvTranspose", 11) { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 2, 3, 4, 5)).Input(TestTensors.Floats(2, 3, 3, 3, 3))
            .Attribute("strides", new[] { 3, 3 }).Attribute("output_padding", new[] { padding, padding }).Attribute("pads", new[] { 1, 1, 1, pad }).Check();
}
