using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

public class ChannelQuantizerTests
{
    [Test]
    public void ErrorIsSmallerThanWithTheScaleOfTheLargest([Range(1, 20)] int seed)
    {
        float[] weights = TestTensors.Floats(seed, 300).Span<float>().ToArray();
        sbyte[] integers = new sbyte[300];
        float scale = ChannelQuantizer.Quantize(weights, integers);
        float plain = weights.Max(Math.Abs) / 127;
        Assert.That(Error(weights, i => integers[i] * (double)scale), Is.LessThanOrEqualTo(Error(weights, i => Math.Round(weights[i] / plain) * plain)));
        Assert.That(integers, Is.All.InRange(-127, 127));
    }

    [Test]
    public void WholeNumbersAreExact()
    {
        float[] weights = [-127, 126, 3, 0, 1];
        sbyte[] integers = new sbyte[5];
        Assert.That(ChannelQuantizer.Quantize(weights, integers), Is.EqualTo(1));
        Assert.That(integers, Is.EqualTo(new sbyte[] { -127, 126, 3, 0, 1 }));
    }

    [TestCase(0f)]
    [TestCase(1e-45f)]
    [TestCase(1e-38f)]
    [TestCase(1e30f)]
    [TestCase(float.MaxValue)]
    public void EveryRangeHasAScale(float largest)
    {
        float[] weights = [largest, -largest, largest / 2, 0];
        sbyte[] integers = new sbyte[4];
        float scale = ChannelQuantizer.Quantize(weights, integers);
        Assert.That(float.IsNormal(scale), Is.True);
        Assert.That(integers[0] * (double)scale, Is.EqualTo(largest).Within(Math.Max(largest * 0.005, 1e-38)));
        Assert.That(integers[3], Is.Zero);
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(float.NegativeInfinity)]
    public void ChannelThatIsNotFiniteHasNoScale(float value)
    {
        sbyte[] integers = [1, 2, 3];
        Assert.That(ChannelQuantizer.Quantize([1, value, 3], integers), Is.NaN);
        Assert.That(integers, Is.All.Zero);
    }

    private static double Error(float[] weights, Func<int, double> rounded) => Enumerable.Range(0, weights.Length).Sum(i => Math.Pow(rounded(i) - weights[i], 2));
}
