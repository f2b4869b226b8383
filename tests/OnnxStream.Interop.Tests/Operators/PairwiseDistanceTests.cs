namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class PairwiseDistanceTests
{
    [Test]
    public void Metrics([Values("euclidean", "sqeuclidean")] string metric, [Values(ElementType.Float32, ElementType.Float64)] ElementType type, [Values(1, 7)] int rows) =>
        new OperatorTester("CDist", 17, "com.microsoft") { Tolerance = 1e-4 }.Input(TestTensors.Random(type, 1, -2, 2, rows, 5)).Input(TestTensors.Random(type, 2, -2, 2, 4, 5)).Output(type).Attribute("metric", metric).Check();

    // Large numbers that are close to each other: what is left is exact.
    [Test]
    public void CloseRows()
    {
        double[] result = TestTensors.ToDoubles(new OperatorTester("CDist", 17, "com.microsoft").Input(TestTensors.FromDoubles(ElementType.Float32, [4096.25, 4096, -4096], 1, 3)).Input(TestTensors.FromDoubles(ElementType.Float32, [4096, 4096, -4096.5, 4096.25, 4096, -4096], 2, 3)).Attribute("metric", "sqeuclidean").Run());
        Assert.That(result, Is.EqualTo(new[] { 0.3125, 0 }).Within(1e-6));
    }

    [Test]
    public void Refusals()
    {
        new OperatorTester("CDist", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 5)).Input(TestTensors.Floats(2, 3, 5)).Attribute("metric", "cosine").Fails<UnsupportedOperatorException>();
        new OperatorTester("CDist", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 5)).Input(TestTensors.Floats(2, 3, 4)).Attribute("metric", "euclidean").Fails<InvalidGraphException>();
    }
}
