namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class EmbeddingNormalizationTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values] bool hasSegments, [Values] bool hasMask, [Values(0, 1, 2)] int positions, [Values] bool hasSum)
    {
        OperatorTester tester = new OperatorTester("EmbedLayerNormalization", 17, "com.microsoft").Input(TestTensors.Random(ElementType.Int32, 1, 0, 8, 2, 5)).Input(hasSegments ? TestTensors.Random(ElementType.Int32, 2, 0, 1, 2, 5) : null)
            .Constant(TestTensors.Floats(3, 9, 12)).Constant(TestTensors.Floats(4, 7, 12)).Input(hasSegments ? TestTensors.Floats(5, 2, 12) : null).Constant(TestTensors.Floats(6, 12)).Constant(TestTensors.Floats(7, 12))
            .Input(hasMask ? TensorBuffer.Create<int>([1, 1, 1, 0, 0, 1, 1, 1, 1, 2], 2, 5) : null).Input(positions > 0 ? TestTensors.Random(ElementType.Int32, 8, 0, 6, positions, 5) : null).Attribute("epsilon", 1e-6f).Output(ElementType.Float32).Output(ElementType.Int32);
        _ = hasSum ? tester.Output(ElementType.Float32) : tester;
        tester.Check();
    }

    [Test]
    public void Quantized([Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values] bool hasSegments, [Values] bool hasMask)
    {
        OperatorTester tester = new OperatorTester("QEmbedLayerNormalization", 17, "com.microsoft") { Tolerance = 1e-4 }.Input(TestTensors.Random(ElementType.Int32, 1, 0, 8, 2, 5)).Input(hasSegments ? TestTensors.Random(ElementType.Int32, 2, 0, 1, 2, 5) : null)
            .Constant(TestTensors.Bytes(type, 3, 9, 12)).Constant(TestTensors.Bytes(type, 4, 7, 12)).Input(hasSegments ? TestTensors.Bytes(type, 5, 2, 12) : null, isConstant: true).Constant(TestTensors.Bytes(type, 6, 12)).Constant(TestTensors.Bytes(type, 7, 12))
            .Input(hasMask ? TensorBuffer.Create<int>([1, 1, 1, 0, 0, 1, 1, 1, 1, 0], 2, 5) : null);
        for (int i = 0; i < 10; i++)
        {
            tester.Input(i % 5 == 2 && !hasSegments ? null : i < 5 ? TestTensors.Scalar(ElementType.Float32, 0.01 + 0.003 * i) : TestTensors.Scalar(type, 10 * i), isConstant: true);
        }

        tester.Attribute("epsilon", 1e-6f).Output(ElementType.Float32).Output(ElementType.Int32).Check(constantsToo: false);
    }

    [Test]
    public void WrongInputs()
    {
        OperatorTester Make(TensorBuffer words, TensorBuffer embedding, TensorBuffer positions) =>
            new OperatorTester("EmbedLayerNormalization", 17, "com.microsoft").Input(words).Input(null).Input(embedding).Input(positions).Input(null).Input(TestTensors.Floats(6, 12)).Input(TestTensors.Floats(7, 12)).Output(ElementType.Float32).Output(ElementType.Int32);
        TensorBuffer words = TestTensors.Random(ElementType.Int32, 1, 0, 8, 2, 5);
        Make(TestTensors.Random(ElementType.Int32, 1, 0, 8, 5), TestTensors.Floats(3, 9, 12), TestTensors.Floats(4, 7, 12)).Fails<InvalidGraphException>();
        Make(words, TestTensors.Floats(3, 9), TestTensors.Floats(4, 7, 12)).Fails<InvalidGraphException>();
        Make(words, TestTensors.Floats(3, 9, 12), TestTensors.Floats(4, 4, 12)).Fails<InvalidGraphException>();
        Make(words, TestTensors.Floats(3, 9, 12), TestTensors.Floats(4, 7, 11)).Fails<InvalidGraphException>();
    }
}
