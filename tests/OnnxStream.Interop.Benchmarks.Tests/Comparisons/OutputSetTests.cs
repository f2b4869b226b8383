using OnnxStream.Interop.Benchmarks.Comparisons;

namespace OnnxStream.Interop.Benchmarks.Tests.Comparisons;

public class OutputSetTests
{
    [TestCase(1f, 2L, 0)]
    [TestCase(2f, 2L, 1)]
    [TestCase(1f, 3L, double.PositiveInfinity)]
    public void ErrorIsThatOfTheWorstOutput(float number, long label, double expected) =>
        Assert.That(Outputs(number, label).RelativeErrorTo(Outputs(1, 2)), Is.EqualTo(expected));

    private static OutputSet Outputs(float number, long label) =>
        new(new Dictionary<string, TensorBuffer> { ["number"] = TensorBuffer.Create<float>([number], 1), ["label"] = TensorBuffer.Create<long>([label], 1) });
}
