using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

public class WeightRangeTests
{
    private readonly MemorySource _source = new("memory:w", [1, 2, 3, 4, 5, 6]);

    [Test]
    public void APartIsReadWhereItLies()
    {
        byte[] bytes = new byte[2];
        new WeightRange("w", _source, 1, 4).Slice(1, 2).Read(bytes);
        Assert.That(bytes, Is.EqualTo(new byte[] { 3, 4 }));
    }

    [TestCase(-1, 1)]
    [TestCase(0, -1)]
    [TestCase(3, 2)]
    public void APartLiesInside(long offset, long length) =>
        Assert.That(() => new WeightRange("w", _source, 1, 4).Slice(offset, length), Throws.TypeOf<ArgumentOutOfRangeException>());

    [Test]
    public void ADestinationOfAnotherLength() => Assert.That(() => new WeightRange("w", _source, 1, 4).Read(new byte[5]), Throws.TypeOf<ArgumentException>());

    [Test]
    public void FailuresNameSourceAndWeight()
    {
        Assert.That(() => new WeightRange("the weight", _source, 4, 4).Read(new byte[4]), Throws.TypeOf<WeightsException>()
            .With.Message.StartsWith("memory:w: weight 'the weight' (bytes 4 to 8) cannot be read: ").And.InnerException.Not.Null);
        WeightsException own = new("exactly this one");
        _source.OnRead = _ => throw own;
        Assert.That(Assert.Throws<WeightsException>(() => new WeightRange("w", _source, 0, 1).Read(new byte[1])), Is.SameAs(own));
    }
}
