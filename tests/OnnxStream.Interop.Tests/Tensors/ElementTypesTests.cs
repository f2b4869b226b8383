namespace OnnxStream.Interop.Tests.Tensors;

public class ElementTypesTests
{
    // The numbers and names of onnx.proto.
    [TestCase(17, "float8e4m3fn", 1, true)]
    [TestCase(18, "float8e4m3fnuz", 1, true)]
    [TestCase(19, "float8e5m2", 1, true)]
    [TestCase(20, "float8e5m2fnuz", 1, true)]
    [TestCase(21, "uint4", 2, false)]
    [TestCase(22, "int4", 2, false)]
    [TestCase(23, "float4e2m1", 2, true)]
    [TestCase(24, "float8e8m0", 1, true)]
    [TestCase(25, "uint2", 4, false)]
    [TestCase(26, "int2", 4, false)]
    public void NarrowTypes(int number, string name, int perByte, bool isFloat)
    {
        ElementType type = (ElementType)number;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(type.ToOnnxName(), Is.EqualTo(name));
            Assert.That(type.PerByte(), Is.EqualTo(perByte));
            Assert.That(type.SizeOf(), Is.EqualTo(1));
            Assert.That(type.IsNarrow(), Is.True);
            Assert.That(type.IsNarrowFloat(), Is.EqualTo(isFloat));
            Assert.That(type.IsNarrowInteger(), Is.EqualTo(!isFloat));
            Assert.That(type.IsFloat() || type.IsInteger(), Is.False, "operators compute with other types");
            Assert.That(type.HeldAs(), Is.EqualTo(number is 22 or 26 ? ElementType.Int8 : ElementType.UInt8));
        }
    }

    [Test]
    public void OtherTypes([Values(ElementType.Float32, ElementType.BFloat16, ElementType.UInt8, ElementType.Int64, ElementType.Bool)] ElementType type)
    {
        Assert.That(type.IsNarrow() || type.IsNarrowFloat() || type.IsNarrowInteger(), Is.False);
        Assert.That(type.PerByte(), Is.EqualTo(1));
        Assert.That(type.HeldAs(), Is.EqualTo(type));
    }
}
