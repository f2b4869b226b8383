using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Tests.Tensors;

internal sealed class RandomTensorsTests
{
    [Test]
    public void Floats_are_standard_normal()
    {
        float[] elements = Create(ElementType.Float32, 100_000).Span<float>().ToArray();
        double mean = elements.Average();
        double deviation = Math.Sqrt(elements.Average(x => (x - mean) * (x - mean)));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(mean, Is.Zero.Within(0.02));
            Assert.That(deviation, Is.EqualTo(1).Within(0.02));
            Assert.That(elements.Max(Math.Abs), Is.InRange(3, 7));
        }
    }

    [Test]
    public void Every_type_gets_values_it_can_hold()
    {
        foreach (ElementType type in Enum.GetValues<ElementType>().Where(type => type.SizeOf() > 0))
        {
            TensorBuffer tensor = Create(type, 1000);
            Assert.That(tensor.Bytes.IndexOfAnyExcept((byte)0), Is.GreaterThanOrEqualTo(0), type.ToString());
        }

        Assert.That(Create(ElementType.Int64, 1000).Span<long>().ToArray(), Is.All.InRange(0, 9));
        Assert.That(Create(ElementType.UInt8, 1000).Span<byte>().ToArray(), Is.All.InRange(0, 9));
        Assert.That(Create(ElementType.Bool, 1000).Bytes.ToArray(), Is.All.LessThan(2));
        Assert.That(Create(ElementType.Int2, 1000).Span<sbyte>().ToArray(), Is.All.InRange(0, 1));
        Assert.That(Create(ElementType.UInt4, 1000).Span<byte>().ToArray(), Is.All.InRange(0, 1));
        float[] floats = Create(ElementType.Float8E5M2, 100_000).ConvertTo(ElementType.Float32).Span<float>().ToArray();
        Assert.That(floats.Average(x => x * x), Is.EqualTo(1).Within(0.05));
        Assert.That(Create(ElementType.Float8E8M0, 1000).ConvertTo(ElementType.Float32).Span<float>().ToArray(), Is.All.GreaterThan(0));
    }

    [Test]
    public void Bfloat16_is_the_upper_half_of_the_same_floats()
    {
        float[] floats = Create(ElementType.Float32, 8).Span<float>().ToArray();
        byte[] bytes = Create(ElementType.BFloat16, 8).Bytes.ToArray();
        for (int i = 0; i < floats.Length; i++)
        {
            float value = BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes, i * 2) << 16);
            Assert.That(value, Is.EqualTo(floats[i]).Within(1).Percent);
        }
    }

    [Test]
    public void The_seed_decides_everything()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Create(ElementType.Float32, 100, 5).Bytes.SequenceEqual(Create(ElementType.Float32, 100, 5).Bytes), Is.True);
            Assert.That(Create(ElementType.Float32, 100, 5).Bytes.SequenceEqual(Create(ElementType.Float32, 100, 6).Bytes), Is.False);
        }
    }

    [Test]
    public void Indices_are_those_of_entries()
    {
        Assert.That(Create(ElementType.Int64, 1000, entries: 3).Span<long>().ToArray().Distinct(), Is.EquivalentTo(new[] { 0, 1, 2 }));
        Assert.That(Create(ElementType.Int32, 1000, entries: 30_000).Span<int>().ToArray(), Has.Some.GreaterThan(1000).And.All.LessThan(30_000));
        Assert.That(Create(ElementType.UInt8, 10_000, entries: 30_000).Span<byte>().ToArray(), Has.Some.EqualTo(255));
        Assert.That(Create(ElementType.Int64, 100, entries: 1).Span<long>().ToArray(), Is.All.Zero);
    }

    [TestCase(ElementType.Int64)]
    [TestCase(ElementType.Bool)]
    [TestCase(ElementType.Float32)]
    public void Masks_let_everything_through(ElementType type)
    {
        byte[] mask = new RandomTensors(0, new Dictionary<string, long>()).Create("attention_mask", new TensorType(type, new Shape(3))).Bytes.ToArray();
        Assert.That(mask, Is.EqualTo(type switch { ElementType.Int64 => TensorBuffer.Create<long>([1, 1, 1], 3).Bytes.ToArray(), ElementType.Bool => [1, 1, 1], _ => TensorBuffer.Create<float>([1, 1, 1], 3).Bytes.ToArray() }));
    }

    private static TensorBuffer Create(ElementType type, long count, int seed = 1, long? entries = null) =>
        new RandomTensors(seed, entries is { } number ? new Dictionary<string, long> { ["x"] = number } : new Dictionary<string, long>()).Create("x", new TensorType(type, new Shape(count)));
}
