using OnnxStream.Interop.Tests.Rewrites;

namespace OnnxStream.Interop.Tests.Kernels;

[NativeMemoryLeakCheck]
public class ActivationKernelTests
{
    [Test]
    public void Lengths([Values(1, 7, 8, 9, 8191, 8192, 65535, 65536, 65537, 300001)] long length, [Values(1, 3)] int threads) =>
        Silu(TestTensors.Random(ElementType.Float32, 1, -20, 20, length)).Becomes("1 onnxstream.Activation").Check(threads);

    [TestCase(1, 1)]
    [TestCase(1, 100001)]
    [TestCase(3, 40000)]
    [TestCase(4097, 33)]
    [TestCase(100000, 1)]
    public void Gates(long rows, long columns) =>
        new PassTester().Input("x", TestTensors.Floats(1, rows, 2 * columns)).Integers("sizes", columns, columns).Node("Split", "x sizes", "a b", ("axis", 1)).Node("Sigmoid", "b", "s").Node("Mul", "b s", "g").Node("Mul", "a g", "y").Output("y")
            .Becomes("1 onnxstream.GatedActivation").Check(3);

    [Test]
    public void Limits([Values("silu", "quick_gelu", "gelu")] string kind)
    {
        float[] numbers = [0, -0f, 1e-38f, -1e-38f, 1e-45f, 88, -88, 104, -104, 1e10f, -1e10f, 1e20f, -1e20f, 3e38f, -3e38f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        PassTester tester = new PassTester().Input("x", TensorBuffer.Create<float>(numbers, numbers.Length)).Scalar("quick", 1.702f).Scalar("one", 1).Scalar("half", 0.5f).Scalar("root", MathF.Sqrt(2));
        _ = kind switch
        {
            "silu" => tester.Node("Sigmoid", "x", "s").Node("Mul", "x s", "y"),
            "quick_gelu" => tester.Node("Mul", "x quick", "q").Node("Sigmoid", "q", "s").Node("Mul", "x s", "y"),
            _ => tester.Node("Div", "x root", "z").Node("Erf", "z", "e").Node("Add", "e one", "b").Node("Mul", "x b", "p").Node("Mul", "p half", "y"),
        };
        tester.Output("y").Becomes("1 onnxstream.Activation").Check();
    }

    private static PassTester Silu(TensorBuffer data) => new PassTester().Input("x", data).Node("Sigmoid", "x", "s").Node("Mul", "x s", "y").Output("y");
}
