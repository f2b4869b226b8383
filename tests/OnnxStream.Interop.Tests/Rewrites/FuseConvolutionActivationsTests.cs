namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FuseConvolutionActivationsTests
{
    private const string Fused = "2 Transpose, 1 onnxstream.Conv";
    private const string Apart = "2 Transpose, 1 onnxstream.Activation, 1 onnxstream.Conv";

    // One thread, several ones that share rows, and so many weights that each takes panels of its own.
    private static PassTester Convolution(int size, int outputs = 48, int kernel = 1, int inputs = 40, int groups = 1, int stride = 1) =>
        new PassTester { Tolerance = 1e-3 }.Input("x", TestTensors.Floats(1, 2, inputs, size, size + 2)).Constant("w", TestTensors.Floats(2, outputs, inputs / groups, kernel, kernel)).Constant("b", TestTensors.Floats(3, outputs))
            .Node("Conv", "x w b", "a", ("group", groups), ("strides", new[] { stride, stride })).Scalar("s", 1.702f).Scalar("half", 0.5f).Scalar("one", 1).Scalar("root", MathF.Sqrt(2));

    private static PassTester Silu(PassTester tester) => tester.Node("Sigmoid", "a", "g").Node("Mul", "a g", "y").Output("y");

    [TestCase(3, 48)]
    [TestCase(31, 48)]
    [TestCase(31, 33)]
    [TestCase(70, 130)]
    public void SigmoidLinearUnit(int size, int outputs) => Silu(Convolution(size, outputs)).Becomes(Fused).Check();

    [Test]
    public void ManyWeights() => Silu(Convolution(5, outputs: 1100, inputs: 900)).Becomes(Fused).Check();

    [TestCase(3)]
    [TestCase(31)]
    public void QuickGelu(int size) => Convolution(size).Node("Mul", "a s", "m").Node("Sigmoid", "m", "g").Node("Mul", "a g", "y").Output("y").Becomes(Fused).Check();

    [TestCase(3)]
    [TestCase(31)]
    public void Gelu(int size) =>
        Convolution(size).Node("Div", "a root", "d").Node("Erf", "d", "e").Node("Add", "e one", "f").Node("Mul", "a f", "h").Node("Mul", "h half", "y").Output("y").Becomes(Fused).Check();

    // Results are stripes of a longer row.
    [Test]
    public void BesideEachOther([Values(3, 31)] int size) =>
        Convolution(size).Constant("v", TestTensors.Floats(5, 36, 40, 1, 1)).Node("Conv", "x v", "c").Node("Sigmoid", "a", "g").Node("Mul", "a g", "left").Node("Sigmoid", "c", "k").Node("Mul", "c k", "right")
            .Node("Concat", "left right", "both", ("axis", 1)).Output("both").Has(2, "onnxstream.Conv").Has(0, "onnxstream.Activation").Check();

    [Test]
    public void OnlyPointwise() => Silu(Convolution(9, kernel: 3)).Becomes(Apart).Check();

    [Test]
    public void NotWithStrides() => Silu(Convolution(9, stride: 2)).Becomes(Apart).Check();

    [Test]
    public void NotInGroups() => Silu(Convolution(9, groups: 2)).Becomes(Apart).Check();

    [Test]
    public void NotForFewOutputs() => Silu(Convolution(9, outputs: 31)).Becomes(Apart).Check();

    [Test]
    public void NotForASingleInput() => Silu(Convolution(9, inputs: 1)).Has(1, "onnxstream.Activation").Check();

    [Test]
    public void ResultIsReadElsewhere() => Silu(Convolution(9)).Node("Sin", "a", "z").Output("z").Has(1, "onnxstream.Activation").Check();
}
