using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Tests.Operators;

namespace OnnxStream.Interop.Tests.Tensors;

/// <summary>Rows in blocks of 8 bits against the definition, on whatever vectors the processor has: with fewer (<c>DOTNET_EnableAVX512=0</c> and others) the bytes are the same.</summary>
public class BlockRowsTests
{
    [Test]
    public void EveryExponentIsStoredAsDefined([Values(1, 7, 31, 32, 33, 96, 130)] int length)
    {
        float[] points = RangePoints.Exponents(0, 1, 0x1000, 0x2aaaab, 0x7fefff, 0x7fffff);

        // Numbers of one size in a row, and numbers of all sizes.
        CheckRows(points, length);
        new Random(3).Shuffle(points);
        CheckRows(points, length);
    }

    [Test]
    public void NumbersOfAllKindsAreStoredAsDefined()
    {
        Random random = new(5);
        for (int exponent = -140; exponent < 128; exponent += 3)
        {
            float[] row = [.. Enumerable.Range(0, 77).Select(_ => (float)Math.ScaleB(random.NextDouble() * 2 - 1, exponent))];
            CheckRows(row, row.Length);
        }
    }

    // A 252nd of the largest of 32, or half of the least scale.
    [Test]
    public void ErrorsAreBounded()
    {
        float[] points = [.. RangePoints.Exponents(0, 1, 0x2aaaab, 0x7fffff).Where(float.IsFinite)];
        foreach (float[] row in points.Chunk(32).Concat([points]))
        {
            float[] actual = RoundTrip(row, out _);
            for (int i = 0; i < row.Length; i++)
            {
                double largest = row.Skip(i / 32 * 32).Take(32).Max(x => Math.Abs((double)x));
                Assert.That(Math.Abs((double)actual[i] - row[i]), Is.LessThanOrEqualTo(Math.Max(largest / 252, Math.ScaleB(1, -127))), $"{row[i]:R}");
            }
        }
    }

    [Test]
    public void InfinitiesStayAndTheRestOfTheirBlockIsNaN()
    {
        float[] row = [.. Enumerable.Range(0, 100).Select(i => (float)i)];
        row[5] = float.PositiveInfinity;
        row[40] = float.NegativeInfinity;
        row[41] = float.NaN;
        row[99] = float.NaN;
        float[] actual = RoundTrip(row, out _);
        for (int i = 0; i < row.Length; i++)
        {
            Assert.That(actual[i], float.IsInfinity(row[i]) ? Is.EqualTo(row[i]) : i is >= 64 and < 96 ? Is.EqualTo(row[i]).Within(0.5) : Is.NaN, $"element {i}");
        }
    }

    [Test]
    public void PartsOfARowAreReadAndWrittenOnTheirOwn()
    {
        float[] row = TestTensors.Floats(7, 150).Span<float>().ToArray();
        float[] whole = RoundTrip(row, out byte[] expected);
        byte[] parts = new byte[expected.Length];
        unsafe
        {
            fixed (float* source = row)
            {
                fixed (byte* destination = parts)
                {
                    foreach ((int first, int count) in ((int, int)[])[(96, 54), (0, 32), (32, 64)])
                    {
                        BlockRows.Instance.Round(source + first, destination + BlockRows.Instance.Bytes(first), count);
                    }

                    float[] part = new float[54];
                    fixed (float* numbers = part)
                    {
                        BlockRows.Instance.Expand(destination + BlockRows.Instance.Bytes(96), numbers, 54);
                    }

                    Assert.That(part, Is.EqualTo(whole[96..]));
                }
            }
        }

        Assert.That(parts, Is.EqualTo(expected));
    }

    [Test]
    public void MagnitudesAreNotBelowTheLargest([Values(1, 32, 45)] int length)
    {
        foreach (float factor in (float[])[1, 1e-30f, 1e30f, 0, float.PositiveInfinity])
        {
            float[] row = [.. TestTensors.Floats(11, length).Span<float>().ToArray().Select(x => x * factor)];
            _ = RoundTrip(row, out byte[] stored);
            float largest = row.Max(Math.Abs);
            unsafe
            {
                fixed (byte* bytes = stored)
                {
                    float magnitude = BitConverter.Int32BitsToSingle(BlockRows.Instance.Magnitude(bytes, length));
                    Assert.That(magnitude, float.IsFinite(largest) ? Is.InRange(largest * 0.99, largest * 1.01) : Is.EqualTo(float.PositiveInfinity));
                }
            }
        }
    }

    [TestCase(1, 3)]
    [TestCase(32, 34)]
    [TestCase(33, 37)]
    [TestCase(256, 272)]
    public void BytesOfRows(int columns, int bytes)
    {
        Assert.That(BlockRows.Instance.Bytes(columns), Is.EqualTo(bytes));
        Assert.That(new TensorType(ElementTypes.Blocks, new Shape(2, 3, columns)).ByteLength, Is.EqualTo(6 * bytes));
    }

    private static void CheckRows(float[] points, int length)
    {
        for (int start = 0; start + length <= points.Length; start += length)
        {
            float[] row = points[start..(start + length)];
            float[] actual = RoundTrip(row, out byte[] stored);
            for (int first = 0; first < length; first += 32)
            {
                CheckBlock(row.AsSpan(first, Math.Min(32, length - first)), stored.AsSpan(first / 32 * 34), actual.AsSpan(first));
            }
        }
    }

    private static void CheckBlock(ReadOnlySpan<float> numbers, ReadOnlySpan<byte> stored, ReadOnlySpan<float> expanded)
    {
        float largest = 0;
        foreach (float x in numbers)
        {
            largest = float.IsNaN(x) || float.IsNaN(largest) ? float.NaN : MathF.Max(largest, MathF.Abs(x));
        }

        bool isSpecial = !float.IsFinite(largest);
        float scale = isSpecial ? float.PositiveInfinity : largest == 0 ? 0 : Math.Max(Brain(largest / 127), BitConverter.Int32BitsToSingle(0x00800000));
        Assert.That(BitConverter.Int32BitsToSingle(BitConverter.ToUInt16(stored) << 16), Is.EqualTo(scale), $"the scale of {string.Join(", ", numbers.ToArray())}");
        for (int i = 0; i < numbers.Length; i++)
        {
            double integer = isSpecial ? float.IsInfinity(numbers[i]) ? Math.Sign(numbers[i]) : 0 : scale == 0 ? 0 : Math.Round((double)(numbers[i] * (1 / scale)));
            Assert.That((sbyte)stored[2 + i], Is.EqualTo(integer), $"{numbers[i]:R} with the scale {scale:R}");
            Assert.That(expanded[i], Is.EqualTo((float)(integer * scale)));
        }
    }

    // The nearest brain float, ties to even.
    private static float Brain(float x)
    {
        float low = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(x) & ~0xffff);
        float high = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(low) + 0x10000);
        return x - low < high - x || (x - low == high - x && (BitConverter.SingleToInt32Bits(low) & 0x10000) == 0) ? low : high;
    }

    private static unsafe float[] RoundTrip(float[] row, out byte[] stored)
    {
        // What lies behind a row belongs to the next.
        byte[] bytes = new byte[BlockRows.Instance.Bytes(row.Length) + 8];
        float[] expanded = new float[row.Length + 8];
        Array.Fill(bytes, (byte)0x5a);
        Array.Fill(expanded, 77);
        fixed (float* source = row, numbers = expanded)
        {
            fixed (byte* destination = bytes)
            {
                BlockRows.Instance.Round(source, destination, row.Length);
                BlockRows.Instance.Expand(destination, numbers, row.Length);
            }
        }

        Assert.That(bytes[^8..], Is.All.EqualTo(0x5a));
        Assert.That(expanded[^8..], Is.All.EqualTo(77));
        stored = bytes[..^8];
        return expanded[..^8];
    }
}
