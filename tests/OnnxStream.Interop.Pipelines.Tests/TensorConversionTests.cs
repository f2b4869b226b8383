namespace OnnxStream.Interop.Pipelines.Tests;

public class TensorConversionTests
{
    [TestCase(ElementType.Undefined, ElementType.Float32)]
    [TestCase(ElementType.Float32, ElementType.Float32)]
    [TestCase(ElementType.Float16, ElementType.Float16)]
    [TestCase(ElementType.Float64, ElementType.Float64)]
    public void ToDeclaredType_ConvertsNumbersThereAndBack(ElementType declared, ElementType expected)
    {
        TensorBuffer tensor = TensorConversion.ToDeclaredType([1.5f, -2], new Shape(1, 2), Input(declared), "model");
        TensorBuffer single = TensorConversion.ToSingle(tensor, "model");
        Assert.Multiple(() =>
        {
            Assert.That(tensor.ElementType, Is.EqualTo(expected));
            Assert.That(single.Shape, Is.EqualTo(new Shape(1, 2)));
            Assert.That(single.Span<float>().ToArray(), Is.EqualTo((float[])[1.5f, -2]));
        });
    }

    [Test]
    public void ToDeclaredType_RoundsToWholeNumbers() => Assert.Multiple(() =>
    {
        Assert.That(TensorConversion.ToDeclaredType([817.3f], new Shape(1), Input(ElementType.Int64), "model").Span<long>().ToArray(), Is.EqualTo((long[])[817]));
        Assert.That(TensorConversion.ToDeclaredType([817.7f], Shape.Scalar, Input(ElementType.Int32), "model").Span<int>().ToArray(), Is.EqualTo((int[])[818]));
    });

    [Test]
    public void ToDeclaredType_ConvertsIds() => Assert.Multiple(() =>
    {
        Assert.That(TensorConversion.ToDeclaredType([49406L, 1], new Shape(1, 2), Input(ElementType.Int64), "model").Span<long>().ToArray(), Is.EqualTo((long[])[49406, 1]));
        Assert.That(TensorConversion.ToDeclaredType([49406L, 1], new Shape(1, 2), Input(ElementType.Int32), "model").Span<int>().ToArray(), Is.EqualTo((int[])[49406, 1]));
    });

    [Test]
    public void ToDeclaredType_RefusesTypesOfNoUse() => Assert.Multiple(() =>
    {
        Assert.That(() => TensorConversion.ToDeclaredType([1f], new Shape(1), Input(ElementType.Bool), "model"), Throws.TypeOf<ModelFormatException>());
        Assert.That(() => TensorConversion.ToDeclaredType([1L], new Shape(1), Input(ElementType.Float32), "model"), Throws.TypeOf<ModelFormatException>());
        Assert.That(() => TensorConversion.ToSingle(new TensorBuffer(ElementType.Int64, new Shape(1)), "model"), Throws.TypeOf<ModelFormatException>());
    });

    private static ValueMetadata Input(ElementType type) => new("input", type, null);
}
