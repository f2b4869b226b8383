namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class BernoulliTests
{
    [TestCase(0)]
    [TestCase(0.3)]
    [TestCase(1)]
    public void OnesAreAsFrequentAsTheInputSays(double probability)
    {
        float[] result = new OperatorTester("Bernoulli", 15).Input(TestTensors.FromDoubles(ElementType.Float32, [.. Enumerable.Repeat(probability, 20_000)], 20_000)).Run().Span<float>().ToArray();
        Assert.That(result, Has.All.EqualTo(0).Or.EqualTo(1));
        Assert.That(result.Average(), Is.EqualTo(probability).Within(0.02));
    }
}
