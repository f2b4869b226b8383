namespace OnnxStream.Interop.Tests.Tensors;

public class TensorBufferTests
{
    private static IEnumerable<ElementType> NarrowTypes => NarrowFormat.Types.Concat(NarrowFormat.Integers.Select(integers => integers.Type));

    [Test]
    public void PackedBytesComeBack([ValueSource(nameof(NarrowTypes))] ElementType type, [Values(0, 1, 5, 64)] int count)
    {
        TensorBuffer tensor = TestTensors.Random(type, 1, -2, 3, count);
        byte[] packed = tensor.ToPacked();
        Assert.That(packed, Has.Length.EqualTo((count + type.PerByte() - 1) / type.PerByte()));
        Assert.That(packed, Has.Length.EqualTo(tensor.Type.PackedByteLength));
        Assert.That(tensor.Type.ByteLength, Is.EqualTo(count), "a byte for each element in memory");
        Assert.That(TensorBuffer.FromPacked(type, packed, count).Bytes.ToArray(), Is.EqualTo(tensor.Bytes.ToArray()));
        Assert.That(() => TensorBuffer.FromPacked(type, [.. packed, 0], count), Throws.ArgumentException);
    }

    [Test]
    public void WiderElementsArePackedAsTheyAre()
    {
        TensorBuffer tensor = TestTensors.Floats(1, 3, 2);
        Assert.That(tensor.ToPacked(), Is.EqualTo(tensor.Bytes.ToArray()));
        Assert.That(TensorBuffer.FromPacked(ElementType.Float32, tensor.ToPacked(), 3, 2).Bytes.ToArray(), Is.EqualTo(tensor.Bytes.ToArray()));
    }

    [Test]
    public void ConvertsAsCastDoes([ValueSource(nameof(NarrowTypes))] ElementType type)
    {
        float[] numbers = [0, 1, -1, 2.5f, 1e9f, 0.3f, 3];
        TensorBuffer converted = TensorBuffer.Create<float>(numbers, 7).ConvertTo(type);
        Assert.That(converted.Type, Is.EqualTo(new TensorType(type, new Shape(7))));
        TensorBuffer cast = new OperatorTester("Cast", 24).Input(TensorBuffer.Create<float>(numbers, 7)).Attribute("to", (int)type).Output(type).Run();
        Assert.That(converted.Bytes.ToArray(), Is.EqualTo(cast.Bytes.ToArray()));
        Assert.That(converted.ConvertTo(ElementType.Float64).Span<double>().ToArray(), Is.EqualTo(TestTensors.ToDoubles(converted)));
        Assert.That(() => converted.ConvertTo(ElementType.String), Throws.ArgumentException);
    }

    [Test]
    public void NarrowElementsAreSeenAsBytes()
    {
        Assert.That(TensorBuffer.Create<float>([-8, 7], 2).ConvertTo(ElementType.Int4).Span<sbyte>().ToArray(), Is.EqualTo(new sbyte[] { -8, 7 }));
        Assert.That(TensorBuffer.Create<float>([15, 0], 2).ConvertTo(ElementType.UInt4).Span<byte>().ToArray(), Is.EqualTo(new byte[] { 15, 0 }));
        Assert.That(TensorBuffer.Create<float>([1, -6], 2).ConvertTo(ElementType.Float4E2M1).Span<byte>().ToArray(), Is.EqualTo(new byte[] { 2, 15 }));
        Assert.That(TensorBuffer.Create<float>([1], 1).ConvertTo(ElementType.Float8E4M3FN).AsTensorSpan<byte>()[0], Is.EqualTo(0x38));
        Assert.That(() => new TensorBuffer(ElementType.Int4, new Shape(1)).Span<byte>(), Throws.InvalidOperationException);
        Assert.That(() => new TensorBuffer(ElementType.UInt2, new Shape(1)).Span<sbyte>(), Throws.InvalidOperationException);
        Assert.That(() => new TensorBuffer(ElementType.Float8E5M2, new Shape(1)).Span<float>(), Throws.InvalidOperationException);
    }
}
