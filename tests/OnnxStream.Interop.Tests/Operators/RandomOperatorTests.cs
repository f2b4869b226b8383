namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class RandomOperatorTests
{
    [Test]
    public void Uniform([Values(ElementType.Float32, ElementType.Float64)] ElementType type)
    {
        double[] numbers = TestTensors.ToDoubles(new OperatorTester("RandomUniform", 13).Attribute("shape", new[] { 100, 200 }).Attribute("low", -1f).Attribute("high", 3f).Attribute("dtype", (int)type).Output(type).Run());
        Assert.That(numbers, Has.Length.EqualTo(20_000).And.All.InRange(-1, 3));
        Assert.That(numbers.Average(), Is.EqualTo(1).Within(0.05));
        Assert.That(numbers.Select(number => (number - 1) * (number - 1)).Average(), Is.EqualTo(16.0 / 12).Within(0.05));
    }

    [Test]
    public void Normal()
    {
        double[] numbers = TestTensors.ToDoubles(new OperatorTester("RandomNormalLike", 13).Input(new TensorBuffer(ElementType.Float32, new Shape(20_000))).Attribute("mean", 5f).Attribute("scale", 2f).Run());
        Assert.That(numbers.Average(), Is.EqualTo(5).Within(0.1));
        Assert.That(numbers.Select(number => (number - 5) * (number - 5)).Average(), Is.EqualTo(4).Within(0.2));
    }

    [Test]
    public void SeedRepeats([Values("RandomNormal", "RandomUniform")] string name)
    {
        float[] Run(float seed) => new OperatorTester(name, 13).Attribute("shape", new[] { 10 }).Attribute("seed", seed).Run().Span<float>().ToArray();
        float[] first = Run(1);
        float[] second = Run(1);
        Assert.That(second, Is.EqualTo(first));
        Assert.That(Run(2), Is.Not.EqualTo(first));
    }

    [Test]
    public void WrongAttributes()
    {
        new OperatorTester("RandomNormal", 13).Fails<InvalidGraphException>();
        new OperatorTester("RandomNormal", 13).Attribute("shape", new[] { 3 }).Attribute("dtype", (int)ElementType.Int64).Output(ElementType.Int64).Fails<UnsupportedOperatorException>();
    }
}
