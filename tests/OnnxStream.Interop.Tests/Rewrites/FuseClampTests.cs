namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FuseClampTests
{
    // One layer in panels, one in groups, one large enough for Winograd's algorithm.
    private static PassTester Convolution(int size, int groups, int operatorSet = 17) =>
        new PassTester(operatorSet) { Tolerance = 1e-3 }.Input("x", TestTensors.Floats(1, 2, 48, size, size)).Constant("w", TestTensors.Floats(2, 48 / groups * groups, 48 / groups, 3, 3)).Constant("b", TestTensors.Floats(3, 48 / groups * groups))
            .Scalar("low", -3).Scalar("high", 6).Node("Conv", "x w b", "a", ("pads", new[] { 1, 1, 1, 1 }), ("group", groups));

    private const string Fused = "2 Transpose, 1 onnxstream.Conv";

    [Test]
    public void Relu([Values(9, 31)] int size, [Values(1, 4)] int groups) => Convolution(size, groups).Node("Relu", "a", "y").Output("y").Becomes(Fused).Check();

    [TestCase("a low high")]
    [TestCase("a low")]
    [TestCase("a - high")]
    public void Clip(string inputs)
    {
        foreach (int size in (int[])[9, 31])
        {
            Convolution(size, 1).Node("Clip", inputs, "y").Output("y").Becomes(Fused).Check();
        }
    }

    [Test]
    public void ClipWithAttributes() => Convolution(9, 1, operatorSet: 9).Node("Clip", "a", "y", ("min", -1f), ("max", 1f)).Output("y").Becomes(Fused).Check();

    // Everything becomes the upper limit, which XNNPACK does not know.
    [Test]
    public void LimitsTheWrongWayRound() => Convolution(9, 1).Node("Clip", "a high low", "y").Output("y").Has(1, "Clip").Check();

    [Test]
    public void ComputedLimit() => Convolution(9, 1).Input("limit", TensorBuffer.Create<float>([1])).Node("Clip", "a limit", "y").Output("y").Has(1, "Clip").Check();

    [Test]
    public void ResultIsReadElsewhere() => Convolution(9, 1).Node("Relu", "a", "y").Node("Sin", "a", "z").Output("y").Output("z").Has(1, "Relu").Check();

    // Blocks of residual networks; odd numbers of elements.
    [TestCase("Relu", "a")]
    [TestCase("Clip", "a low high")]
    public void Sum(string operatorType, string inputs) =>
        new PassTester().Input("x", TestTensors.Floats(1, 3, 5, 7)).Input("z", TestTensors.Floats(2, 3, 5, 7)).Scalar("low", -1).Scalar("high", 1.5f)
            .Node("Add", "x z", "a").Node(operatorType, inputs, "y").Output("y").Becomes("1 onnxstream.LimitedSum").Check(3);

    [Test]
    public void LargeSum() =>
        new PassTester().Input("x", TestTensors.Floats(1, 3, 301, 701)).Input("z", TestTensors.Floats(2, 3, 301, 701)).Node("Add", "x z", "a").Node("Relu", "a", "y").Output("y").Becomes("1 onnxstream.LimitedSum").Check(3);

    [Test]
    public void BroadcastSum() => new PassTester().Input("x", TestTensors.Floats(1, 3, 5, 7)).Input("z", TestTensors.Floats(2, 7)).Node("Add", "x z", "a").Node("Relu", "a", "y").Output("y").Becomes("1 Add, 1 Relu").Check();

    [TestCase("Relu", "n")]
    [TestCase("Clip", "n low high")]
    public void BatchNormalization(string operatorType, string inputs) =>
        Convolution(9, 1).Constant("s", TestTensors.Floats(4, 48)).Constant("v", TestTensors.Random(ElementType.Float32, 5, 0.5, 2, 48)).Node("Sin", "a", "h").Node("BatchNormalization", "h s b s v", "n").Node(operatorType, inputs, "y").Output("y")
            .Becomes("1 Sin, 2 Transpose, 1 onnxstream.BatchNormalization, 1 onnxstream.Conv").Check(3);
}
