using OnnxStream.Interop.Quantization;

namespace OnnxStream.Interop.Tests.Quantization;

public class RangeChooserTests
{
    [Test]
    public void MinMaxClipsNothing() => Assert.That(Choose(Normal(10_000), CalibrationMethod.MinMax), Is.EqualTo((Normal(10_000).Min(), Normal(10_000).Max())));

    [TestCase(100)]
    [TestCase(99.99)]
    [TestCase(99)]
    [TestCase(90)]
    public void PercentilesAreThoseOfSortedNumbers(double percentile)
    {
        float[] numbers = [.. Normal(200_000).Order()];
        (float low, float high) = Choose(numbers, CalibrationMethod.Percentile, percentile);
        double clipped = (1 - percentile / 100) / 2 * numbers.Length;
        float width = 2 * MathF.ScaleB(1, 3) / ValueHistogram.BinCount;
        Assert.That(low, Is.EqualTo(numbers[(int)clipped]).Within(2 * width + (clipped < 100 ? 0.2f : 0)));
        Assert.That(high, Is.EqualTo(numbers[^(1 + (int)clipped)]).Within(2 * width + (clipped < 100 ? 0.2f : 0)));
    }

    // Compared with what a plain search finds in the numbers themselves.
    [TestCase(0f)]
    [TestCase(30f)]
    [TestCase(1000f)]
    public void LeastSquaresAreLeast(float outlier)
    {
        float[] numbers = [.. Normal(50_000), outlier, -outlier / 3];
        (float low, float high) = Choose(numbers, CalibrationMethod.MeanSquaredError);
        double found = Lost(numbers, low, high);
        double best = double.PositiveInfinity;
        for (int i = 1; i <= 60; i++)
        {
            for (int j = 1; j <= 60; j++)
            {
                best = Math.Min(best, Lost(numbers, numbers.Min() * i / 60, numbers.Max() * j / 60));
            }
        }

        Assert.That(found, Is.LessThanOrEqualTo(best * 1.15));
        Assert.That(found, Is.LessThanOrEqualTo(Lost(numbers, numbers.Min(), numbers.Max()) * 1.0001));
    }

    [Test]
    public void EntropyClipsOutliersAndKeepsTheRest()
    {
        float[] numbers = [.. Normal(100_000), 25, 24, -20];
        (float low, float high) = Choose(numbers, CalibrationMethod.Entropy);
        Assert.That(high, Is.GreaterThan(2.5f).And.LessThan(15));
        Assert.That(low, Is.LessThan(-2.5f).And.GreaterThan(-15));

        // Evenly spread numbers have nothing that could be clipped.
        (low, high) = Choose([.. Enumerable.Range(0, 100_000).Select(i => i / 50_000f - 1)], CalibrationMethod.Entropy);
        Assert.That((low, high), Is.EqualTo((-1f, 1f)).Using<(float A, float B)>((one, other) => Math.Abs(one.A - other.A) < 0.05 && Math.Abs(one.B - other.B) < 0.05));
    }

    [Test]
    public void LossIsThatOfRoundedNumbers()
    {
        float[] numbers = Normal(50_000);
        RangeChooser chooser = new(Histogram(numbers));
        foreach ((double low, double high) in ((double, double)[])[(-4, 4), (-2, 2), (0, 3), (-1, 0.5)])
        {
            Assert.That(chooser.Loss(low, high).Relative, Is.EqualTo(Lost(numbers, low, high) / numbers.Sum(number => (double)number * number)).Within(2).Percent, $"{low} {high}");
        }
    }

    [TestCase(0f)]
    [TestCase(2.5f)]
    [TestCase(-1e-3f)]
    public void OneNumberHasARange(float number)
    {
        foreach (CalibrationMethod method in Enum.GetValues<CalibrationMethod>())
        {
            (float low, float high) = Choose([number, number], method);
            Assert.That(AffineScale.Of(low, high).Round(number), Is.EqualTo(number).Within(1e-6 * Math.Abs(number)), $"{method}");
        }
    }

    private static (float, float) Choose(float[] numbers, CalibrationMethod method, double percentile = 99.99) => new RangeChooser(Histogram(numbers)).Choose(method, percentile);

    private static ValueHistogram Histogram(float[] numbers)
    {
        ValueHistogram histogram = new();
        histogram.Observe(numbers);
        return histogram;
    }

    private static double Lost(float[] numbers, double low, double high)
    {
        AffineScale scale = AffineScale.Of(low, high);
        return numbers.Sum(number => Math.Pow(number - scale.Round(number), 2));
    }

    private static float[] Normal(int count)
    {
        Random random = new(9);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
    }
}
