namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class FusedMatMulTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(0, 1)] int left, [Values(0, 1)] int right, [Values(1f, 0.3f)] float alpha) =>
        new OperatorTester("FusedMatMul", 17, "com.microsoft").Input(left == 0 ? TestTensors.Floats(1, 2, 5, 30) : TestTensors.Floats(1, 2, 30, 5)).Input(right == 0 ? TestTensors.Floats(2, 30, 20) : TestTensors.Floats(2, 20, 30))
            .Attribute("transA", left).Attribute("transB", right).Attribute("alpha", alpha).Check();

    [Test]
    public void TransposedBatches() => new OperatorTester("FusedMatMul", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 3)).Input(TestTensors.Floats(2, 2, 3, 5)).Attribute("transBatchA", 1).Fails<UnsupportedOperatorException>();
}
