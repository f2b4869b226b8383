using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Graphs;

public class AttributeDefinitionTests
{
    private static IEnumerable<(object Value, AttributeKind Kind, string Name)> Values() =>
    [
        (1f, AttributeKind.Float, "float"), (1L, AttributeKind.Int, "int"), ("1", AttributeKind.String, "string"), (new[] { 1f }, AttributeKind.Floats, "floats"), (new[] { 1L }, AttributeKind.Ints, "ints"),
        (new[] { "1" }, AttributeKind.Strings, "strings"), (new Graph { Name = "g" }, AttributeKind.Graph, "graph"),
        (Constant.FromData(new TensorType(ElementType.Float32, new Shape(1)), new byte[4]), AttributeKind.Tensor, "tensor"),
    ];

    [Test]
    public void Kinds()
    {
        foreach ((object value, AttributeKind kind, string name) in Values())
        {
            Assert.That(AttributeDefinition.KindOf(value), Is.EqualTo(kind));
            Assert.That(new AttributeDefinition(kind, null).KindName, Is.EqualTo(name));
        }

        Assert.That(AttributeDefinition.NameOf(AttributeKind.SparseTensor), Is.EqualTo("sparse_tensor"));
        Assert.That(() => AttributeDefinition.KindOf(1), Throws.ArgumentException);
    }

    [TestCase(AttributeKind.Int, "1", 1L, true)]
    [TestCase(AttributeKind.Int, "1", 2L, false)]
    [TestCase(AttributeKind.Int, "1", 1f, false)]
    [TestCase(AttributeKind.Int, null, 0L, false)]
    [TestCase(AttributeKind.Float, "1e-05", 1e-5f, true)]
    [TestCase(AttributeKind.Float, "0.9", 0.9f, true)]
    [TestCase(AttributeKind.Float, null, 0f, false)]
    [TestCase(AttributeKind.String, "none", "none", true)]
    [TestCase(AttributeKind.String, "none", "tanh", false)]
    public void Defaults(object kind, string? given, object value, bool expected) => Assert.That(new AttributeDefinition((AttributeKind)kind, given).IsDefault(value), Is.EqualTo(expected));
}
