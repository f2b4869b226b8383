using OnnxStream.Interop.Quantization;

namespace OnnxStream.Interop.Tests.Quantization;

public class ValueHistogramTests
{
    // Numbers that are rounded down at each doubling, and those that vanish when they are scaled.
    private static readonly float[] s_hard = [0, -0f, 1e-30f, -1e-30f, float.Epsilon, -float.Epsilon, 1, -1, 0.99999994f, -0.99999994f, 1.0000001f, 2, -2, 65504, -3.4e38f, 3.4e38f, 1e-20f, -1e-20f, 0.5f, -0.5f];

    [Test]
    public void EveryOrderOfThePartsGivesTheSame()
    {
        float[] numbers = Numbers(20_000);
        ValueHistogram expected = new();
        expected.Observe(numbers);
        Random random = new(5);
        for (int i = 0; i < 20; i++)
        {
            ValueHistogram actual = new();
            float[] shuffled = [.. numbers];
            random.Shuffle(shuffled);
            for (int start = 0; start < shuffled.Length;)
            {
                int length = Math.Min(random.Next(1, 5000), shuffled.Length - start);
                actual.Observe(shuffled.AsSpan(start, length));
                start += length;
            }

            AssertSame(actual, expected);
        }
    }

    [Test]
    public void ManyThreadsCountTheSame()
    {
        float[] numbers = Numbers(400_000);
        ValueHistogram expected = new();
        expected.Observe(numbers);
        ValueHistogram actual = new();
        Parallel.For(0, 400, i => actual.Observe(numbers.AsSpan(1000 * i, 1000)));
        AssertSame(actual, expected);
    }

    [Test]
    public void CountsAreThoseOfAPlainLoop()
    {
        float[] numbers = [.. Numbers(5000).Where(number => MathF.Abs(number) < 100)];
        ValueHistogram histogram = new();
        histogram.Observe(numbers);
        long[] expected = new long[ValueHistogram.BinCount];
        foreach (float number in numbers)
        {
            expected[(int)Math.Floor(number / histogram.Width) + ValueHistogram.BinCount / 2]++;
        }

        Assert.That(histogram.Counts.ToArray(), Is.EqualTo(expected));
        Assert.That(histogram.Count, Is.EqualTo(numbers.Length));
        Assert.That(histogram.Minimum, Is.EqualTo(numbers.Min()));
        Assert.That(histogram.Maximum, Is.EqualTo(numbers.Max()));
        Assert.That(histogram.Edge(ValueHistogram.BinCount), Is.GreaterThan(histogram.Maximum).And.LessThanOrEqualTo(2 * Math.Max(histogram.Maximum, -histogram.Minimum)));
    }

    [Test]
    public void WhatIsNotFiniteIsCountedApart()
    {
        ValueHistogram histogram = new();
        histogram.Observe([1, float.NaN, -2, float.PositiveInfinity, float.NegativeInfinity, 3]);
        Assert.That((histogram.Count, histogram.NotFiniteCount, histogram.Minimum, histogram.Maximum), Is.EqualTo((3L, 3L, -2f, 3f)));
        histogram.Observe([]);
        histogram.Observe([float.NaN]);
        Assert.That((histogram.Count, histogram.NotFiniteCount), Is.EqualTo((3L, 4L)));
    }

    private static float[] Numbers(int count)
    {
        Random random = new(3);
        return [.. Enumerable.Range(0, count - s_hard.Length).Select(i => (float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-20, 12)))), .. s_hard];
    }

    private static void AssertSame(ValueHistogram actual, ValueHistogram expected)
    {
        Assert.That(actual.Counts.SequenceEqual(expected.Counts), Is.True);
        Assert.That((actual.Width, actual.Count, actual.Minimum, actual.Maximum), Is.EqualTo((expected.Width, expected.Count, expected.Minimum, expected.Maximum)));
    }
}
