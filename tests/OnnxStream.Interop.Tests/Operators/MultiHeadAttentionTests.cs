namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MultiHeadAttentionTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values] bool hasBias, [Values] bool hasPadding, [Values] bool hasAttentionBias)
    {
        OperatorTester tester = new OperatorTester("MultiHeadAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Floats(2, 2, 7, 24)).Input(TestTensors.Floats(3, 2, 7, 12)).Attribute("num_heads", 3);
        tester.Input(hasBias ? TestTensors.Floats(4, 60) : null);
        tester.Input(hasPadding ? TensorBuffer.Create<int>([1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0], 2, 7) : null);
        _ = hasAttentionBias ? tester.Input(TestTensors.Floats(5, 1, 3, 5, 7)) : tester;
        tester.Check();
    }

    [Test]
    public void KeysAndValuesOfBefore([Values(0, 1)] int unidirectional) =>
        new OperatorTester("MultiHeadAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 24)).Input(TestTensors.Floats(2, 2, 3, 24)).Input(TestTensors.Floats(3, 2, 3, 24)).Input(null).Input(null).Input(null)
            .Input(TestTensors.Floats(4, 2, 3, 4, 8)).Input(TestTensors.Floats(5, 2, 3, 4, 8)).Attribute("num_heads", 3).Attribute("scale", 0.2f).Attribute("unidirectional", unidirectional)
            .Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Check();

    [Test]
    public void Masks([Values("lengths", "each")] string kind) =>
        new OperatorTester("MultiHeadAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Floats(2, 2, 7, 24)).Input(TestTensors.Floats(3, 2, 7, 12)).Attribute("num_heads", 3).Input(null)
            .Input(kind == "lengths" ? TensorBuffer.Create<int>([5, 3], 2) : TestTensors.Random(ElementType.Int32, 4, 0, 1, 2, 5, 7)).Check();

    [Test]
    public void OtherMask() =>
        new OperatorTester("MultiHeadAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Floats(2, 2, 7, 24)).Input(TestTensors.Floats(3, 2, 7, 12)).Attribute("num_heads", 3).Input(null)
            .Input(TensorBuffer.Create<int>([5, 3, 0, 0, 0, 0, 0, 0], 8)).Fails<UnsupportedOperatorException>();

    [Test]
    public void PaddingOfKeysOfBefore() =>
        new OperatorTester("MultiHeadAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 1, 24)).Input(TestTensors.Floats(2, 2, 1, 24)).Input(TestTensors.Floats(3, 2, 1, 24)).Input(null).Input(TensorBuffer.Create<int>([0, 1, 1, 1, 1, 1, 1, 1, 1, 1], 2, 5)).Input(TestTensors.Floats(8, 1, 1, 1, 5))
            .Input(TestTensors.Floats(4, 2, 3, 4, 8)).Input(TestTensors.Floats(5, 2, 3, 4, 8)).Attribute("num_heads", 3).Attribute("mask_filter_value", -1e9f).Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Check();

    [Test]
    public void KeysAreHeads() =>
        new OperatorTester("MultiHeadAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 24)).Input(TestTensors.Floats(2, 2, 3, 7, 8)).Input(TestTensors.Floats(3, 2, 3, 7, 8)).Attribute("num_heads", 3).Check();

    [Test]
    public void Packed() => new OperatorTester("MultiHeadAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 3, 3, 8)).Attribute("num_heads", 3).Fails<UnsupportedOperatorException>();

    // Found by mutated models: a rank that was not looked at.
    [Test]
    public void WrongRanks() =>
        new OperatorTester("MultiHeadAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Floats(2, 7, 24)).Input(TestTensors.Floats(3, 2, 7, 24)).Input(TestTensors.Floats(4, 72)).Attribute("num_heads", 3).Fails<InvalidGraphException>();
}
