using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

public class BlockQuantizerTests
{
    [Test]
    public void ErrorIsSmallerThanWithTheScaleOfTheLargest([Range(1, 20)] int seed)
    {
        float[] weights = TestTensors.Floats(seed, BlockQuantizer.BlockLength).Span<float>().ToArray();
        float[] back = Quantize(weights, out _);
        float plain = weights.Max(Math.Abs) / 7;

        // The scale is rounded to 8 digits of two.
        Assert.That(Error(weights, back), Is.LessThanOrEqualTo(1.01 * Error(weights, [.. weights.Select(weight => MathF.Round(weight / plain) * plain)])));
    }

    [TestCase(1f)]
    [TestCase(0.5f)]
    [TestCase(2.96875f)]
    public void WholeNumbersAreExact(float scale)
    {
        float[] weights = [.. Enumerable.Range(0, BlockQuantizer.BlockLength).Select(i => (i % 16 - 8) * scale)];
        Assert.That(Quantize(weights, out float found), Is.EqualTo(weights));
        Assert.That(found, Is.EqualTo(scale));
    }

    [TestCase(0f)]
    [TestCase(1e-45f)]
    [TestCase(1e-38f)]
    [TestCase(1e-30f)]
    [TestCase(1e30f)]
    [TestCase(float.MaxValue)]
    public void EveryRangeHasAScale(float largest)
    {
        float[] weights = new float[BlockQuantizer.BlockLength];
        (weights[3], weights[4], weights[5]) = (largest, -largest, largest / 2);
        float[] back = Quantize(weights, out float scale);
        Assert.That(float.IsNormal(scale) && scale > 0, Is.True);
        for (int i = 0; i < weights.Length; i++)
        {
            Assert.That((double)back[i], Is.EqualTo(weights[i]).Within(Math.Max(0.15 * largest, 1e-37)), $"{i}");
        }
    }

    [TestCase(float.NaN, 0f)]
    [TestCase(float.PositiveInfinity, 1f)]
    [TestCase(float.NegativeInfinity, -1f)]
    public void BlockThatIsNotFiniteIsAsLargeAsCanBe(float value, float sign)
    {
        float[] weights = new float[BlockQuantizer.BlockLength];
        weights[7] = value;
        float[] back = Quantize(weights, out _);
        Assert.That(MathF.Abs(back[7]), Is.GreaterThan(1e38f));
        Assert.That(float.IsNaN(value) || MathF.Sign(back[7]) == sign, Is.True);
    }

    private static float[] Quantize(float[] weights, out float scale)
    {
        byte[] nibbles = new byte[BlockQuantizer.BlockLength / 2];
        float factor = BitConverter.UInt32BitsToSingle((uint)BlockQuantizer.Quantize(weights, nibbles) << 16);
        scale = factor;
        return [.. Enumerable.Range(0, weights.Length).Select(i => ((nibbles[i / 2] >> (4 * (i % 2)) & 15) - 8) * factor)];
    }

    private static double Error(float[] weights, float[] rounded) => weights.Zip(rounded).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
}
