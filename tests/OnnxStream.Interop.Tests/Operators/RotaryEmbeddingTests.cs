namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class RotaryEmbeddingTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(0, 1)] int interleaved, [Values] bool isTokens, [Values] bool isPart, [Values] bool hasPositions)
    {
        long angles = isPart ? 2 : 4;
        OperatorTester tester = new OperatorTester("RotaryEmbedding", 23).Input(isTokens ? TestTensors.Floats(1, 2, 5, 24) : TestTensors.Floats(1, 2, 3, 5, 8)).Attribute("interleaved", interleaved).Attribute("num_heads", isTokens ? 3 : 0).Attribute("rotary_embedding_dim", isPart ? 4 : 0);
        _ = hasPositions
            ? tester.Input(TestTensors.Floats(2, 20, angles)).Input(TestTensors.Floats(3, 20, angles)).Input(TestTensors.Random(ElementType.Int64, 4, 0, 19, 2, 5))
            : tester.Input(TestTensors.Floats(2, 2, 5, angles)).Input(TestTensors.Floats(3, 2, 5, angles));
        tester.Check();
    }

    [Test]
    public void OfMicrosoft([Values(0, 1)] int interleaved, [Values] bool isTokens, [Values] bool isOffset) =>
        new OperatorTester("RotaryEmbedding", 17, "com.microsoft").Input(isTokens ? TestTensors.Floats(1, 2, 5, 24) : TestTensors.Floats(1, 2, 3, 5, 8)).Input(isOffset ? TestTensors.Integers(6) : TestTensors.Random(ElementType.Int64, 4, 0, 19, 2, 5))
            .Input(TestTensors.Floats(2, 20, 4)).Input(TestTensors.Floats(3, 20, 4)).Attribute("interleaved", interleaved).Check();

    [Test]
    public void ScaledAndPartly([Values(0, 1)] int isPacked) =>
        new OperatorTester("RotaryEmbedding", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Random(ElementType.Int64, 4, 0, 19, 2, 5)).Input(TestTensors.Floats(2, 20, 2)).Input(TestTensors.Floats(3, 20, 2))
            .Attribute("num_heads", 3).Attribute("rotary_embedding_dim", 4).Attribute("scale", 1f).Attribute("is_packed_batching", isPacked).Check();

    [Test]
    public void WrongInputs() => new OperatorTester("RotaryEmbedding", 23).Input(TestTensors.Floats(1, 2, 3, 5, 8)).Input(TestTensors.Floats(2, 2, 4, 4)).Input(TestTensors.Floats(3, 2, 4, 4)).Fails<InvalidGraphException>();

    // Found by mutated models: ranks that were not looked at.
    [Test]
    public void WrongRanks()
    {
        new OperatorTester("RotaryEmbedding", 17, "com.microsoft").Input(TestTensors.Floats(1, 5, 24)).Input(TestTensors.Integers(6)).Input(TestTensors.Floats(2, 20, 4)).Input(TestTensors.Floats(3, 20, 4)).Fails<InvalidGraphException>();
        new OperatorTester("RotaryEmbedding", 23).Input(TestTensors.Floats(1, 2, 3, 5, 8)).Input(TestTensors.Floats(2)).Input(TestTensors.Floats(3)).Fails<InvalidGraphException>();
    }
}
