using OnnxStream.Interop.Benchmarks.Comparisons;

namespace OnnxStream.Interop.Benchmarks.Tests.Comparisons;

public class StatisticsTests
{
    [TestCase(new[] { 3.0 }, 3)]
    [TestCase(new[] { 9.0, 1, 2 }, 2)]
    [TestCase(new[] { 4.0, 1, 2, 9 }, 3)]
    public void MedianIsTheMiddle(double[] values, double expected) => Assert.That(values.Median(), Is.EqualTo(expected));
}
