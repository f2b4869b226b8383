using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Operators;

namespace OnnxStream.Interop.Tests.Graphs;

/// <summary>That the table agrees with the specification is a test of the conformance tests, which have the schemas.</summary>
public class AttributeTableTests
{
    [Test]
    public void HasEveryOperator() => Assert.That(
        OperatorRegistry.All.Where(key => key.Domain != OperatorSets.InternalDomain && AttributeTable.Find(key.Domain, key.OperatorType, OperatorSets.Newest) is null), Is.Empty);

    [TestCase("", "Split", 2, "axis split")]
    [TestCase("", "Split", 12, "axis split")]
    [TestCase("", "Split", 13, "axis")]
    [TestCase("", "Split", 17, "axis")]
    [TestCase("", "Split", 18, "axis num_outputs")]
    [TestCase("", "Split", 24, "axis num_outputs")]
    [TestCase("", "Gelu", 17, "approximate")]
    [TestCase("", "Relu", 5, null)]
    [TestCase("", "Conv", 1, "auto_pad dilations group kernel_shape pads strides")]
    [TestCase("com.microsoft", "FusedMatMul", 1, "alpha transA transB transBatchA transBatchB")]
    [TestCase("com.microsoft", "Conv", 1, null)]
    [TestCase("onnxstream", "Conv", 24, null)]
    public void Find(string domain, string operatorType, int operatorSet, string? names) =>
        Assert.That(AttributeTable.Find(domain, operatorType, operatorSet)?.Keys, names is null ? Is.Null : Is.EqualTo(names.Split(' ')));

    [Test]
    public void SetsWith()
    {
        Assert.That(AttributeTable.SetsWith("", "Split", "split"), Is.EqualTo(new[] { 2 }));
        Assert.That(AttributeTable.SetsWith("", "Split", "activation"), Is.Empty);
        Assert.That(AttributeTable.SetsWith("", "Frobnicate", "axis"), Is.Empty);
    }

    [TestCase("Resize", "antialias", 0L, true)]
    [TestCase("Resize", "antialias", 1L, false)]
    [TestCase("Resize", "antialias", 0f, false)]
    [TestCase("Resize", "keep_aspect_ratio_policy", "stretch", true)]
    [TestCase("Resize", "mode", "nearest", false)]
    [TestCase("AveragePool", "dilations", new[] { 1L, 1 }, true)]
    [TestCase("AveragePool", "dilations", new[] { 1L, 2 }, false)]
    [TestCase("MaxPool", "dilations", new[] { 1L, 1 }, false)]
    [TestCase("Resize", "activation", "silu", false)]
    [TestCase("BatchNormalization", "spatial", 1L, true)]
    [TestCase("BatchNormalization", "spatial", 0L, false)]
    [TestCase("Add", "broadcast", 0L, true)]
    [TestCase("Add", "broadcast", 1L, false)]
    [TestCase("Frobnicate", "axis", 0L, false)]
    public void IsDefaultElsewhere(string operatorType, string name, object value, bool expected) => Assert.That(AttributeTable.IsDefaultElsewhere("", operatorType, 17, name, value), Is.EqualTo(expected));
}
