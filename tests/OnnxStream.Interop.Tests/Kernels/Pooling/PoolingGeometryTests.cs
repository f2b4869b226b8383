using CsCheck;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Tests.Kernels;

public class PoolingGeometryTests
{
    [Test]
    public void CountsAreThoseOfTheDefinition() =>
        Gen.Select(Gen.Long[1, 12], Gen.Long[1, 9], Gen.Long[1, 5], Gen.Long[1, 4], Gen.Long[0, 9], Gen.Long[0, 9]).Sample((input, kernel, stride, dilation, padBegin, padEnd) =>
        {
            // One more window than fits, as ceil_mode may count.
            long output = Math.Max(0, input + padBegin + padEnd - ((kernel - 1) * dilation + 1)) / stride + 2;
            PoolingGeometry geometry = new(1, [input], [output], [kernel], [stride], [dilation], [padBegin], [padEnd]);
            long[] counts = geometry.Counts(2, includePads: false);
            long[] countsWithPads = geometry.Counts(2, includePads: true);
            for (long i = 0; i < output; i++)
            {
                long[] inside = [.. Enumerable.Range(0, (int)kernel).Select(k => (long)k).Where(k => geometry.Position(2, i, k) is var position && position >= 0 && position < input)];
                Assert.That(counts[i], Is.EqualTo(inside.Length));
                Assert.That(countsWithPads[i], Is.EqualTo(Enumerable.Range(0, (int)kernel).Count(k => geometry.Position(2, i, k) < input + padEnd)));
                (long first, long end) = geometry.Inside(2, i);
                Assert.That(end - first, Is.EqualTo(inside.Length));
                Assert.That(inside, Is.All.InRange(first, end - 1));
            }
        });

    [Test]
    public void LargestAttributes()
    {
        const long Most = 1 << 20;
        PoolingGeometry geometry = new(1, [7], [2 * Most], [Most], [1], [Most], [Most], [Most]);
        Assert.That(geometry.Counts(2, includePads: false)[0], Is.EqualTo(1));
        Assert.That(geometry.Counts(2, includePads: true)[0], Is.EqualTo(3));
        Assert.That(geometry.WindowElements, Is.EqualTo(7));
    }
}
