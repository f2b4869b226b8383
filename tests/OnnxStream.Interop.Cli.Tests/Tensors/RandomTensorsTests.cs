using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Tests.Tensors;

internal sealed class RandomTensorsTests
{
    private static readonly Dictionary<string, long> NoDimensions = [];

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
    public void Open_dimensions_are_one_unless_they_are_named()
    {
        ValueMetadata input = new("x", ElementType.Float32, [new Dimension(-1, "batch"), new Dimension(-1), new Dimension(3), new Dimension(-1, "batch")]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(RandomTensors.Create([input], NoDimensions, 0)["x"].Shape, Is.EqualTo(new Shape(1, 1, 3, 1)));
            Assert.That(RandomTensors.Create([input], new Dictionary<string, long> { ["batch"] = 4 }, 0)["x"].Shape, Is.EqualTo(new Shape(4, 1, 3, 4)));
        }
    }

    [Test]
    public void A_dimension_that_the_model_does_not_have_is_refused()
    {
        ValueMetadata input = new("x", ElementType.Float32, [new Dimension(-1, "batch")]);
        UsageException exception = Assert.Throws<UsageException>(() => RandomTensors.Create([input], new Dictionary<string, long> { ["bacth"] = 4 }, 0))!;
        Assert.That(exception.Message, Does.Contain("bacth").And.Contain("batch"));
    }

    [Test]
    public void An_input_without_shape_or_of_text_must_be_given()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => RandomTensors.Create([new ValueMetadata("x", ElementType.Float32, null)], NoDimensions, 0), Throws.TypeOf<UsageException>().With.Message.Contains("--input x=FILE"));
            Assert.That(() => RandomTensors.Create([new ValueMetadata("x", ElementType.String, [])], NoDimensions, 0), Throws.TypeOf<UsageException>());
        }
    }

    private static TensorBuffer Create(ElementType type, long count, int seed = 1) =>
        RandomTensors.Create([new ValueMetadata("x", type, [new Dimension(count)])], NoDimensions, seed)["x"];
}
