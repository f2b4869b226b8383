namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MultinomialTests
{
    [TestCase(ElementType.Int32)]
    [TestCase(ElementType.Int64)]
    public void ClassesAreAsFrequentAsTheInputSays(ElementType type)
    {
        double[] wanted = [0.5, 0.2, 0.3, 0];
        TensorBuffer logarithms = TestTensors.FromDoubles(ElementType.Float32, [.. wanted.Select(probability => Math.Log(probability))], 1, 4);
        double[] result = TestTensors.ToDoubles(new OperatorTester("Multinomial", 7).Input(logarithms).Attribute("sample_size", 20_000).Attribute("dtype", (int)type).Output(type).Run());
        for (int i = 0; i < wanted.Length; i++)
        {
            Assert.That(result.Count(drawn => drawn == i) / (double)result.Length, Is.EqualTo(wanted[i]).Within(0.02));
        }
    }

    [Test]
    public void EachItemHasItsOwn()
    {
        TensorBuffer logarithms = TensorBuffer.Create<float>([0, -200, -200, -200, -200, 0], 2, 3);
        int[] expected = [0, 0, 0, 2, 2, 2];
        Assert.That(new OperatorTester("Multinomial", 22).Input(logarithms).Attribute("sample_size", 3).Output(ElementType.Int32).Run().Span<int>().ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void ASeedRepeats()
    {
        OperatorTester Tester() => new OperatorTester("Multinomial", 7).Input(TestTensors.Floats(1, 2, 5)).Attribute("sample_size", 50).Attribute("seed", 3f).Output(ElementType.Int32);
        int[] first = Tester().Run().Span<int>().ToArray();
        Assert.That(Tester().Run().Span<int>().ToArray(), Is.EqualTo(first));
    }

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("Multinomial", 7).Input(TestTensors.Floats(1, 5)).Output(ElementType.Int32).Fails<InvalidGraphException>();
        new OperatorTester("Multinomial", 7).Input(TestTensors.Floats(1, 2, 5)).Attribute("dtype", 1).Output(ElementType.Int32).Fails<InvalidGraphException>();
    }
}
