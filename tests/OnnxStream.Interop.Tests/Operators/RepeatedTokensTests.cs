namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class RepeatedTokensTests
{
    [Test]
    public void Runs([Values(1, 2, 3, 9)] int size)
    {
        TensorBuffer tokens = TestTensors.FromDoubles(ElementType.Int64, [1, 2, 3, 1, 2, 4, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 5, 4, 3, 2, 1, 0, 5, 4], 3, 8);
        new OperatorTester("NGramRepeatBlock", 17, "com.microsoft").Input(tokens).Input(TestTensors.Floats(2, 3, 6)).Attribute("ngram_size", size).Check();
    }

    [Test]
    public void WrongSizes() => new OperatorTester("NGramRepeatBlock", 17, "com.microsoft").Input(TestTensors.FromDoubles(ElementType.Int64, [1, 2], 1, 2)).Input(TestTensors.Floats(2, 1, 6)).Attribute("ngram_size", 0).Fails<InvalidGraphException>();
}
