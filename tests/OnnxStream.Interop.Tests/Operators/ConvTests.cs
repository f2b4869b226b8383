namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ConvTests
{
    [Test]
    public void Geometry([Values(1, 2, 3, 5)] int kernel, [Values(1, 2)] int stride, [Values(1, 2)] int dilation, [Values(0, 1, 2)] int pad, [Values] bool constant) =>
        new OperatorTester("Conv", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 2, 12, 13, 11)).Input(TestTensors.Floats(2, 40, 12, kernel, kernel), constant).Input(TestTensors.Floats(3, 40), constant)
            .Attribute("strides", new[] { stride, stride }).Attribute("dilations", new[] { dilation, 1 }).Attribute("pads", new[] { pad, pad, pad, pad })
            .Check(constantsToo: false);

    [TestCase(0, 0, 1, 1)]
    [TestCase(1, 0, 0, 2)]
    [TestCase(2, 1, 0, 0)]
    public void AsymmetricPads(int top, int left, int bottom, int right) =>
        new OperatorTester("Conv", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 1, 3, 8, 9)).Constant(TestTensors.Floats(2, 4, 3, 3, 3))
            .Attribute("strides", new[] { 2, 2 }).Attribute("pads", new[] { top, left, bottom, right }).Check();

    [Test]
    public void AutomaticPads([Values("SAME_UPPER", "SAME_LOWER", "VALID")] string mode, [Values(1, 2, 3)] int stride) =>
        new OperatorTester("Conv", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 1, 3, 8, 9)).Constant(TestTensors.Floats(2, 4, 3, 4, 3))
            .Attribute("strides", new[] { stride, stride }).Attribute("auto_pad", mode).Check();

    [TestCase(6, 6, 6)]
    [TestCase(6, 12, 6)]
    [TestCase(6, 9, 3)]
    [TestCase(64, 64, 64)]
    [TestCase(8, 8, 2)]
    [TestCase(1, 1, 1)]
    [TestCase(1, 7, 1)]
    public void Groups(int inputs, int outputs, int groups) =>
        new OperatorTester("Conv", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 2, inputs, 7, 6)).Constant(TestTensors.Floats(2, outputs, inputs / groups, 3, 3)).Constant(TestTensors.Floats(3, outputs))
            .Attribute("group", groups).Attribute("pads", new[] { 1, 1, 1, 1 }).Check();

    // The operator is made with the plan, or in each run where images are large or the weight is computed; a large depthwise kernel has a workspace.
    [TestCase(30, 3, 1, true)]
    [TestCase(400, 3, 1, true)]
    [TestCase(30, 7, 2, true)]
    [TestCase(30, 3, 2, false)]
    public void GroupsInManyRuns(int side, int kernel, int stride, bool isConstant)
    {
        byte[] model = Grouped(side, kernel, stride, isConstant);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 2 });
        for (int run = 0; run < 3; run++)
        {
            Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(run, 1, 8, side, side) };
            if (!isConstant)
            {
                inputs.Add("w", TestTensors.Floats(10 + run, 8, 1, kernel, kernel));
            }

            RunResult actual = session.Run(inputs);
            foreach ((string name, TensorBuffer expected) in Oracle.Run(model, inputs))
            {
                TestTensors.AssertClose(actual[name], expected, 1e-4, $"run {run}, {name}");
            }
        }
    }

    // Depthwise, and after it with groups of two channels.
    private static byte[] Grouped(int side, int kernel, int stride, bool isConstant)
    {
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 8, side, side).Output("y").Output("z");
        builder = isConstant ? builder.Initializer("w", TestTensors.Floats(9, 8, 1, kernel, kernel)) : builder.Input("w", ElementType.Float32, 8, 1, kernel, kernel);
        return builder.Initializer("b", TestTensors.Floats(8, 8)).Initializer("v", TestTensors.Random(ElementType.Float32, 7, -0.2, 0.2, 12, 2, 3, 3))
            .Node("Conv", "x w b", "y", ("group", 8), ("strides", new[] { stride, stride }), ("pads", new[] { 1, 1, 1, 1 }))
            .Node("Conv", "y v", "z", ("group", 4), ("pads", new[] { 1, 1, 1, 1 })).ToBytes();
    }

    [TestCase(1)]
    [TestCase(3)]
    public void OneDimension(int groups) =>
        new OperatorTester("Conv", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 2, 6, 17)).Constant(TestTensors.Floats(2, 9, 6 / groups, 4)).Constant(TestTensors.Floats(3, 9))
            .Attribute("group", groups).Attribute("pads", new[] { 1, 2 }).Attribute("strides", new[] { 2 }).Check();

    // First layers: windows of few channels become rows of a matrix. At the edges, beyond them, with more than one image.
    [TestCase(3, 32, 3, 3, 2, 1, 1)]
    [TestCase(3, 64, 7, 7, 2, 3, 1)]
    [TestCase(3, 16, 6, 6, 2, 2, 2)]
    [TestCase(2, 5, 3, 2, 1, 0, 3)]
    [TestCase(4, 33, 4, 4, 4, 0, 1)]
    [TestCase(4, 40, 5, 1, 1, 4, 1)]
    [TestCase(3, 8, 3, 9, 3, 8, 2)]
    public void FewChannels(int channels, int outputs, int height, int width, int stride, int pad, int images) =>
        new OperatorTester("Conv", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, images, channels, 147, 139)).Constant(TestTensors.Random(ElementType.Float32, 2, -0.3, 0.3, outputs, channels, height, width)).Constant(TestTensors.Floats(3, outputs))
            .Attribute("strides", new[] { stride, stride }).Attribute("pads", new[] { pad, pad / 2, pad / 3, pad }).Check(constantsToo: false);

    // As many output channels as no tile of XNNPACK's has, and a few more than one panel for two threads.
    [Test]
    public void Pointwise([Values(1, 2, 15, 16, 24, 31, 32, 33, 64, 70, 80, 95)] int outputs, [Values] bool hasBias)
    {
        OperatorTester tester = new OperatorTester("Conv", 11) { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 1, 40, 60, 50)).Constant(TestTensors.Random(ElementType.Float32, 2, -0.3, 0.3, outputs, 40, 1, 1));
        (hasBias ? tester.Constant(TestTensors.Floats(3, outputs)) : tester).Check(constantsToo: false);
    }

    [Test]
    public void ManyPanels() =>
        new OperatorTester("Conv", 11) { Tolerance = 2e-4 }
            .Input(TestTensors.Floats(1, 1, 320, 9, 8)).Constant(TestTensors.Floats(2, 330, 320, 3, 3)).Constant(TestTensors.Floats(3, 330))
            .Attribute("pads", new[] { 1, 1, 1, 1 }).Check(constantsToo: false);

    // 3x3 with stride 1 on images that are large enough: Winograd's algorithm. Tiles at the edges, channels that fill no vector,
    // blocks and panels that are not full.
    [TestCase(48, 56, 31, 33, 1, 1, 1, 1)]
    [TestCase(49, 41, 32, 32, 1, 1, 1, 1)]
    [TestCase(65, 47, 30, 37, 0, 0, 0, 0)]
    [TestCase(56, 57, 29, 40, 2, 0, 1, 3)]
    [TestCase(96, 3, 35, 34, 1, 1, 1, 1)]
    [TestCase(101, 7, 64, 64, 0, 1, 1, 0)]
    [TestCase(25, 1500, 30, 30, 1, 1, 1, 1)]
    [TestCase(200, 330, 31, 30, 1, 1, 1, 1)]
    public void LargeImages(int inputs, int outputs, int height, int width, int top, int left, int bottom, int right)
    {
        foreach (bool bias in (bool[])[true, false])
        {
            OperatorTester tester = new OperatorTester("Conv", 11) { Tolerance = 1e-3 }
                .Input(TestTensors.Floats(1, inputs > 100 || outputs > 100 ? 1 : 2, inputs, height, width)).Input(TestTensors.Floats(2, outputs, inputs, 3, 3), isConstant: bias);
            (bias ? tester.Constant(TestTensors.Floats(3, outputs)) : tester).Attribute("pads", new[] { top, left, bottom, right }).Check(constantsToo: false);
        }
    }

    [Test]
    public void ThreeDimensions([Values(1, 2)] int groups, [Values(1, 2)] int stride) =>
        new OperatorTester("Conv", 11) { Tolerance = 1e-4 }
            .Input(TestTensors.Floats(1, 2, 4, 5, 6, 7)).Constant(TestTensors.Floats(2, 6, 4 / groups, 2, 3, 3)).Constant(TestTensors.Floats(3, 6)).Attribute("group", groups)
            .Attribute("strides", new[] { stride, 1, stride }).Attribute("dilations", new[] { 2, 1, 1 }).Attribute("pads", new[] { 1, 0, 1, 1, 1, 2 }).Check();

    [TestCase(ElementType.Float64, 1e-5)]
    [TestCase(ElementType.Float16, 1e-2)]
    public void OtherPrecisions(ElementType type, double tolerance)
    {
        foreach (int stride in (int[])[1, 3])
        {
            OperatorTester Tester(ElementType elementType) => new OperatorTester("Conv", 11)
                .Input(TestTensors.Rounded(elementType, 1, 1, 4, 5, 600)).Input(TestTensors.Rounded(elementType, 2, 6, 2, 3, 3)).Input(TestTensors.Rounded(elementType, 3, 6))
                .Attribute("group", 2).Attribute("strides", new[] { stride, stride }).Attribute("pads", new[] { 1, 1, 0, 1 }).Output(elementType);
            TestTensors.AssertNumbersClose(Tester(type).Run(), TestTensors.ToDoubles(Tester(ElementType.Float32).Run()), tolerance, "Conv");
        }
    }
}
