using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Tests.RandomSources;

public class PhiloxRandomSourceTests
{
    // The known answers of the Random123 library.
    [TestCase(0u, 0u, 0u, 0u, 0u, 0u, 0x6627E8D5u, 0xE169C58Du, 0xBC57AC4Cu, 0x9B00DBD8u)]
    [TestCase(~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408F276Du, 0x41C83B0Eu, 0xA20BC7C6u, 0x6D5451FDu)]
    [TestCase(0x243F6A88u, 0x85A308D3u, 0x13198A2Eu, 0x03707344u, 0xA4093822u, 0x299F31D0u, 0xD16CFE09u, 0x94FDCCEBu, 0x5001E420u, 0x24126EA1u)]
    public void Philox_GivesTheKnownAnswers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint a, uint b, uint c, uint d)
    {
        uint[] block = new uint[4];
        PhiloxRandomSource.Philox(c0, c1, c2, c3, k0, k1, block);
        Assert.That(block, Is.EqualTo((uint[])[a, b, c, d]));
    }

    // These bits are a promise: a seed gives the same picture's noise on every platform and in every version.
    [TestCase(0ul, new[] { 0xBE82FA50u, 0x3F96BB4Fu, 0x3F2153B7u, 0x3E88FDEBu, 0x3FF51846u, 0xBEB4AC05u, 0x3F01CC4Fu, 0xBFE489AAu })]
    [TestCase(42ul, new[] { 0x3E92F728u, 0xBDA16E33u, 0xBFB9DFA1u, 0xBED1FA53u, 0x400FE2B3u, 0xBEE5650Fu, 0x3D0ECE30u, 0xBDEB0A09u })]
    [TestCase(ulong.MaxValue, new[] { 0xBE06505Au, 0xBFB133D6u, 0x3E9F3A25u, 0xBF8D634Du, 0xBFA2EB14u, 0xBF0A45F2u, 0x3E944B3Au, 0x3EA2A7F1u })]
    public void NextNormal_GivesTheRecordedBits(ulong seed, uint[] expected)
    {
        float[] numbers = new float[expected.Length];
        new PhiloxRandomSource(seed).NextNormal(numbers);
        Assert.That(numbers.Select(BitConverter.SingleToUInt32Bits), Is.EqualTo(expected));
    }

    [Test]
    public void NextNormal_GivesOneSequenceInAnyPortions()
    {
        float[] whole = new float[100];
        new PhiloxRandomSource(7).NextNormal(whole);
        PhiloxRandomSource random = new(7);
        float[] parts = new float[100];
        int position = 0;
        foreach (int length in (int[])[1, 2, 3, 0, 64, 30])
        {
            random.NextNormal(parts.AsSpan(position, length));
            position += length;
        }

        Assert.That(parts, Is.EqualTo(whole));
    }

    /// <summary>All bits of many numbers at once, as the checksum of 64-bit FNV-1a: the tails included.</summary>
    [Test]
    public void NextNormal_GivesTheRecordedChecksum()
    {
        float[] numbers = new float[1 << 20];
        new PhiloxRandomSource(1).NextNormal(numbers);
        ulong hash = 14695981039346656037;
        foreach (float number in numbers)
        {
            hash = (hash ^ BitConverter.SingleToUInt32Bits(number)) * 1099511628211;
        }

        Assert.That(hash, Is.EqualTo(1263730678086441540));
    }

    [Test]
    public void NextNormal_IsStandardNormal()
    {
        const int Count = 1 << 20;
        float[] numbers = new float[Count];
        new PhiloxRandomSource(2026).NextNormal(numbers);
        double Moment(int power) => numbers.Average(number => Math.Pow(number, power));
        double Below(double limit) => numbers.Count(number => number < limit) / (double)Count;
        Assert.Multiple(() =>
        {
            // Within four standard errors: sqrt(variance of the power / count).
            Assert.That(Moment(1), Is.Zero.Within(4 * Math.Sqrt(1.0 / Count)));
            Assert.That(Moment(2), Is.EqualTo(1).Within(4 * Math.Sqrt(2.0 / Count)));
            Assert.That(Moment(3), Is.Zero.Within(4 * Math.Sqrt(15.0 / Count)));
            Assert.That(Moment(4), Is.EqualTo(3).Within(4 * Math.Sqrt(96.0 / Count)));
            Assert.That(Below(-3), Is.EqualTo(0.0013498980316300933).Within(4 * Math.Sqrt(0.00135 / Count)));
            Assert.That(Below(1), Is.EqualTo(0.8413447460685429).Within(4 * Math.Sqrt(0.1335 / Count)));
            Assert.That(numbers.Zip(numbers.Skip(1), (a, b) => (double)a * b).Average(), Is.Zero.Within(4 * Math.Sqrt(1.0 / Count)));
        });
    }

    [Test]
    public void NextNormal_IsUnrelatedForNeighbouringSeeds()
    {
        const int Count = 1 << 16;
        float[] one = new float[Count], other = new float[Count];
        new PhiloxRandomSource(1).NextNormal(one);
        new PhiloxRandomSource(2).NextNormal(other);
        Assert.That(one.Zip(other, (a, b) => (double)a * b).Average(), Is.Zero.Within(4 * Math.Sqrt(1.0 / Count)));
    }

    // From another implementation of the inverse of the normal distribution function, in double precision.
    [TestCase(0u, -6.337957754553789)]
    [TestCase(1u, -6.166429517819749)]
    [TestCase(1000u, -5.039851125968711)]
    [TestCase(0x1000u, -4.762976412696973)]
    [TestCase(0x10000000u, -1.5341205434059566)]
    [TestCase(0x7FFFFFFFu, -2.9180993729166234e-10)]
    [TestCase(0x80000000u, 2.9180993729166234e-10)]
    [TestCase(0xF0000000u, 1.5341205452991358)]
    [TestCase(~0u, 6.337957754553789)]
    public void Normal_InvertsTheDistributionFunction(uint bits, double expected) =>
        Assert.That(PhiloxRandomSource.Normal(bits), Is.EqualTo(expected).Within(1e-12).Percent);

    [Test]
    public void Normal_IsSymmetricAndRises()
    {
        double last = double.NegativeInfinity;
        for (ulong bits = 0; bits <= uint.MaxValue; bits += 65537)
        {
            double normal = PhiloxRandomSource.Normal((uint)bits);
            Assert.That(normal, Is.GreaterThan(last));
            Assert.That(PhiloxRandomSource.Normal(~(uint)bits), Is.EqualTo(-normal));
            last = normal;
        }
    }

    [Test]
    public void Log_IsTheNaturalLogarithm()
    {
        for (double value = 1e-12; value < 2; value *= 1.0001)
        {
            Assert.That(PhiloxRandomSource.Log(value), Is.EqualTo(Math.Log(value)).Within(4e-16 * Math.Max(1, Math.Abs(Math.Log(value)))), value.ToString());
        }
    }
}
