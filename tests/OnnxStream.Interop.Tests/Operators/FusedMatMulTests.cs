namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class FusedMatMulTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(0, 1)] int left, [Values(0, 1)] int right, [Values(1f, 0.3f)] float alpha) =>
        new OperatorTester("FusedMatMul", 17, "com.microsoft").Input(left == 0 ? TestTensors.Floats(1, 2, 5, 30) : TestTensors.Floats(1, 2, 30, 5)).Input(right == 0 ? TestTensors.Floats(2, 30, 20) : TestTensors.Floats(2, 20, 30))
            .Attribute("transA", left).Attribute("transB", right).Attribute("alpha", alpha).Check();

    [Test]
    public void TransposedBatches([Values("5,2,3;2,3,4", "5,2,7,3;2,7,3,4")] string shapes, [Values(0, 1)] int transA, [Values(0, 1)] int transB)
    {
        // Rows first, then the batch: [M, B, K] with transA 0, [K, B, M] with 1.
        long[][] dimensions = [.. shapes.Split(';').Select(text => text.Split(',').Select(long.Parse).ToArray())];
        (long[] a, long[] b) = (dimensions[0], dimensions[1]);
        b = [b[^2], .. b[..^2], b[^1]];
        (a[0], a[^1]) = transA == 0 ? (a[0], a[^1]) : (a[^1], a[0]);
        (b[0], b[^1]) = transB == 0 ? (b[0], b[^1]) : (b[^1], b[0]);
        new OperatorTester("FusedMatMul", 17, "com.microsoft").Input(TestTensors.Floats(1, a)).Input(TestTensors.Floats(2, b)).Attribute("transBatchA", 1).Attribute("transBatchB", 1).Attribute("transA", transA).Attribute("transB", transB).Check();
    }

    [Test]
    public void UnderItsOldName() => new OperatorTester("TransposeMatMul", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 3)).Input(TestTensors.Floats(2, 4, 3)).Attribute("transB", 1).Attribute("alpha", 0.5f).Check();

    // ONNX Runtime has this one on graphics processors only.
    [Test]
    public void WithAnActivation()
    {
        OperatorTester Make(string operatorType) => new OperatorTester(operatorType, 17, "com.microsoft").Input(TestTensors.Floats(1, 5, 3)).Input(TestTensors.Floats(2, 3, 4)).Attribute("alpha", 0.5f);
        double[] product = TestTensors.ToDoubles(Make("FusedMatMul").Run());
        Make("FusedMatMulActivation").Attribute("activation", "LeakyRelu").Attribute("activation_alpha", 0.25f).CheckAgainst(_ => [TestTensors.FromDoubles(ElementType.Float32, [.. product.Select(x => x < 0 ? 0.25 * x : x)], 5, 4)]);
    }
}
