using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class ComputeInSingleTests
{
    private static TensorBuffer Half(int seed, double limit, params long[] dimensions) => TestTensors.Random(ElementType.Float16, seed, -limit, limit, dimensions);

    // An image network whose weights, inputs and outputs are half precision becomes the layers of a single-precision one.
    private static PassTester Network() => new PassTester { Tolerance = 2e-2 }
        .Input("x", Half(1, 1, 1, 48, 34, 31)).Constant("w0", Half(2, 0.06, 50, 48, 3, 3)).Constant("b0", Half(3, 1, 50)).Constant("w1", Half(4, 0.1, 8, 50, 1, 1))
        .Node("Conv", "x w0 b0", "a", ("pads", new[] { 1, 1, 1, 1 })).Node("Sigmoid", "a", "s").Node("Mul", "a s", "m").Node("Conv", "m w1", "y").Output("y", ElementType.Float16);

    [Test]
    public void HalfPrecisionModelIsFused() => Network().Has(2, "onnxstream.Conv").Has(1, "onnxstream.Activation").Check();

    [Test]
    public void ResultsAreCloserThanRoundedOnes()
    {
        PassTester tester = new PassTester().Input("x", Half(1, 1, 64, 300)).Constant("w", Half(2, 0.1, 300, 70)).Node("MatMul", "x w", "a").Node("Exp", "a", "b").Node("Log", "b", "y").Output("y", ElementType.Float16);
        Assert.That(TestTensors.RelativeRms(tester.Run()["y"], tester.Expected()["y"]), Is.LessThan(2e-3));
    }

    [Test]
    public void ActivationsStayHalfPrecision()
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", Network().ToBytes()), new SessionOptions { PlanOnly = true });
        Assert.That(session.Plan().Steps.Where(step => step.KernelName == "winograd convolution").Select(step => step.Shapes), Has.One.EndsWith(":f16"));
    }

    [Test]
    public void BrainFloats() =>
        new PassTester { Tolerance = 1e-1 }.Input("x", TestTensors.Random(ElementType.Float32, 1, -1, 1, 5, 64)).Constant("w", TestTensors.Random(ElementType.Float32, 2, -0.2, 0.2, 64, 9))
            .Node("Cast", "x", "b", ("to", (int)ElementType.BFloat16)).Node("Cast", "w", "v", ("to", (int)ElementType.BFloat16)).Node("Cast", "b", "b1", ("to", 1)).Node("Cast", "v", "v1", ("to", 1))
            .Node("MatMul", "b1 v1", "y").Output("y").Check();

    // A model of single precision that rounds on purpose is rounded.
    [Test]
    public void RoundingOnPurposeStays() =>
        new PassTester { Tolerance = 0 }.Input("x", TestTensors.Floats(1, 3, 50)).Node("Cast", "x", "h", ("to", (int)ElementType.Float16)).Node("Cast", "h", "y", ("to", 1)).Output("y").Check();

    // In a model of half precision, the way to single and back is no rounding that anybody meant.
    [Test]
    public void WayToSingleAndBackVanishes() =>
        new PassTester { Tolerance = 2e-2 }.Input("x", Half(1, 1, 6, 40)).Constant("scale", TestTensors.Floats(2, 40)).Constant("w", Half(3, 0.2, 40, 40))
            .Node("MatMul", "x w", "a").Node("Cast", "a", "s", ("to", 1)).Node("LayerNormalization", "s scale", "n").Node("Cast", "n", "h", ("to", (int)ElementType.Float16)).Node("MatMul", "h w", "y")
            .Output("y", ElementType.Float16).Becomes("1 LayerNormalization, 2 MatMul").Check();

    // What an attribute says to be half precision stays that, between conversions.
    [Test]
    public void TypesFromAttributes() =>
        new PassTester { Tolerance = 1e-2 }.Input("x", Half(1, 1, 4, 4)).Node("EyeLike", "x", "e").Node("Add", "x e", "a").Node("Mul", "a a", "y").Output("y", ElementType.Float16).Check();

    [Test]
    public void SingleAndOtherOutputs() =>
        new PassTester { Tolerance = 1e-2 }.Input("x", Half(1, 1, 7, 33)).Node("Mul", "x x", "a").Node("TopK", "a k", "top where", ("axis", -1)).Integers("k", 5).Node("ArgMax", "x", "best", ("axis", 1))
            .Output("a", ElementType.Float16).Output("top", ElementType.Float16).Output("where", ElementType.Int64).Output("best", ElementType.Int64).Check();

    [Test]
    public void SinglePrecisionModelIsLeftAlone()
    {
        Graph graph = new PassTester().Input("x", TestTensors.Floats(1, 3, 50)).Node("Sin", "x", "y").Output("y").Rewritten;
        Assert.That(RewrittenGraph.Describe(graph), Is.EqualTo("1 Sin"));
    }
}
