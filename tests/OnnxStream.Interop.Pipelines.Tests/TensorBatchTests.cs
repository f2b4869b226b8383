namespace OnnxStream.Interop.Pipelines.Tests;

public class TensorBatchTests
{
    [Test]
    public void Size_IsWhatIsDeclared() => Assert.Multiple(() =>
    {
        Assert.That(TensorBatch.Size(Input([new Dimension(1), new Dimension(4)]), 2), Is.EqualTo(1));
        Assert.That(TensorBatch.Size(Input([new Dimension(-1, "batch"), new Dimension(4)]), 2), Is.EqualTo(2));
        Assert.That(TensorBatch.Size(Input([]), 2), Is.EqualTo(1));
        Assert.That(TensorBatch.Size(Input(null), 2), Is.EqualTo(1));
    });

    [Test]
    public void Stack_RepeatsTheLast()
    {
        TensorBuffer[] items = [TensorBuffer.Create<float>([1, 2], 1, 2), TensorBuffer.Create<float>([3, 4], 1, 2)];
        TensorBuffer batch = TensorBatch.Stack(items, 0, 3);
        Assert.Multiple(() =>
        {
            Assert.That(batch.Shape, Is.EqualTo(new Shape(3, 2)));
            Assert.That(batch.Span<float>().ToArray(), Is.EqualTo((float[])[1, 2, 3, 4, 3, 4]));
            Assert.That(TensorBatch.Item(batch, 1).Span<float>().ToArray(), Is.EqualTo((float[])[3, 4]));
            Assert.That(TensorBatch.Item(batch, 1).Shape, Is.EqualTo(new Shape(1, 2)));
        });
    }

    [Test]
    public void Stack_RefusesOtherShapes() => Assert.That(
        () => TensorBatch.Stack([TensorBuffer.Create<float>([1, 2], 1, 2), TensorBuffer.Create<float>([1], 1, 1)], 0, 2), Throws.ArgumentException);

    private static ValueMetadata Input(IReadOnlyList<Dimension>? dimensions) => new("input", ElementType.Float32, dimensions);
}
