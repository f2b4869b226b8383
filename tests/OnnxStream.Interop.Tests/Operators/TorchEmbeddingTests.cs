namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only.
[NativeMemoryLeakCheck]
public class TorchEmbeddingTests
{
    [Test]
    public void TakesRows() =>
        new OperatorTester("TorchEmbedding", 17, "com.microsoft").Input(TestTensors.Floats(1, 5, 4)).Input(TestTensors.FromDoubles(ElementType.Int64, [0, 4, 2, 2], 2, 2)).Input(TestTensors.Scalar(ElementType.Int64, 2)).CheckAgainst(inputs =>
        {
            double[] table = TestTensors.ToDoubles(inputs[0]);
            return [TestTensors.FromDoubles(ElementType.Float32, [.. new[] { 0, 4, 2, 2 }.SelectMany(row => table[(row * 4)..((row + 1) * 4)])], 2, 2, 4)];
        });
}
