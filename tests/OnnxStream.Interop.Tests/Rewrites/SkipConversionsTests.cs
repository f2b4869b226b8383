namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class SkipConversionsTests
{
    private static TensorBuffer Half(int seed, params long[] dimensions) => TestTensors.Random(ElementType.Float16, seed, -3, 3, dimensions);

    private static PassTester Tester() => new(operatorSet: 17) { Tolerance = 2e-3 };

    [TestCase("Neg")]
    [TestCase("Abs")]
    [TestCase("Sign")]
    [TestCase("Tanh")]
    [TestCase("Relu")]
    [TestCase("Transpose")]
    public void NodesOfOneInput(string operatorType) =>
        Tester().Input("x", Half(1, 40, 70)).Node(operatorType, "x", "y").Output("y", ElementType.Float16).Becomes($"1 {operatorType}").Check();

    [Test]
    public void NodesOfSeveralInputs() =>
        Tester().Input("a", Half(1, 5, 30)).Input("b", Half(2, 30)).Node("Sub", "a b", "y").Output("y", ElementType.Float16).Becomes("1 Sub").Check();

    [Test]
    public void ConstantsThatLoseNothing()
    {
        TensorBuffer Scalar(double value) => TestTensors.Scalar(ElementType.Float16, value);
        Tester().Input("x", Half(1, 5, 30)).Constant("low", Scalar(-1)).Constant("high", Scalar(0.75)).Node("Clip", "x low high", "y").Output("y", ElementType.Float16).Becomes("1 Clip").Check();
    }

    // Its result would be rounded twice.
    [Test]
    public void ValuesThatOthersRead() =>
        Tester().Input("x", Half(1, 5, 30)).Node("Tanh", "x", "t").Node("Exp", "t", "y").Output("y", ElementType.Float16).Becomes("2 Cast, 1 Exp, 1 Tanh").Check();

    // What is read and written in half precision without computing in it.
    [Test]
    public void ReadAndWrittenOneByOne() =>
        Tester().Input("x", Half(1, 5, 64)).Input("scale", Half(2, 64)).Node("LayerNormalization", "x scale", "y").Output("y", ElementType.Float16)
            .Becomes("1 Cast, 1 LayerNormalization").Check();

    [Test]
    public void Reductions([Values("ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd", "ReduceL2")] string operatorType, [Values(0, 1)] int axis) =>
        Tester().Input("x", Half(1, 9, 600)).Node(operatorType, "x", "y", ("axes", new[] { axis })).Output("y", ElementType.Float16).Becomes($"1 {operatorType}").Check();
}
