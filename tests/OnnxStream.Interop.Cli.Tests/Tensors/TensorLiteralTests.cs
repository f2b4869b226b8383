using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Tests.Tensors;

internal sealed class TensorLiteralTests
{
    [TestCase("[1,2,3]", "1 3")]
    [TestCase("[[1,2,3]]", "1 3")]
    [TestCase(" [ [1 , 2 ,3 ],[4,5,6] ]", "2 3")]
    [TestCase("[[[1,2],[3,4]]]", "1 2 2")]
    [TestCase("[]", "1 0")]
    [TestCase("[[],[]]", "2 0")]
    public void Lists_have_their_shape(string text, string shape)
    {
        TensorBuffer tensor = TensorLiteral.Parse(text.Trim(), Input(ElementType.Int64, -1, -1));
        Assert.That(string.Join(' ', tensor.Shape.ToArray()), Is.EqualTo(shape));
        Assert.That(tensor.Span<long>().ToArray(), Is.EqualTo(Enumerable.Range(1, tensor.Span<long>().Length)));
    }

    [Test]
    public void A_plain_list_of_all_elements_fills_the_declared_shape()
    {
        Assert.That(TensorLiteral.Parse("[1,2,3,4]", Input(ElementType.Float32, 2, 2)).Shape, Is.EqualTo(new Shape(2, 2)));
        Assert.That(TensorLiteral.Parse("[1,2,3,4]", Input(ElementType.Float32, 1, 4)).Shape, Is.EqualTo(new Shape(1, 4)));
        Assert.That(TensorLiteral.Parse("[1,2,3]", Input(ElementType.Float32, 2, 2)).Shape, Is.EqualTo(new Shape(3)));
        Assert.That(TensorLiteral.Parse("[7]", Input(ElementType.Float32)).Shape, Is.EqualTo(new Shape(1)));
    }

    [Test]
    public void Every_type_takes_its_numbers()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(TensorLiteral.Parse("[1.5,-2e-3,nan,inf,-inf,true]", Input(ElementType.Float32)).Span<float>().ToArray(), Is.EqualTo(new[] { 1.5f, -2e-3f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, 1 }));
            Assert.That(TensorLiteral.Parse("[1.5,-2]", Input(ElementType.Float64)).Span<double>().ToArray(), Is.EqualTo(new[] { 1.5, -2 }));
            Assert.That(TensorLiteral.Parse("[1.5]", Input(ElementType.Float16)).Span<Half>().ToArray(), Is.EqualTo(new[] { (Half)1.5f }));
            Assert.That(TensorLiteral.Parse("[1.5]", Input(ElementType.BFloat16)).Bytes.ToArray(), Is.EqualTo(new byte[] { 0xC0, 0x3F }));
            Assert.That(TensorLiteral.Parse("[true,False,1,0]", Input(ElementType.Bool)).Bytes.ToArray(), Is.EqualTo(new byte[] { 1, 0, 1, 0 }));
            Assert.That(TensorLiteral.Parse("[9223372036854775807,-1]", Input(ElementType.Int64)).Span<long>().ToArray(), Is.EqualTo(new[] { long.MaxValue, -1 }));
            Assert.That(TensorLiteral.Parse("[18446744073709551615]", Input(ElementType.UInt64)).Span<ulong>().ToArray(), Is.EqualTo(new[] { ulong.MaxValue }));
            Assert.That(TensorLiteral.Parse("[255]", Input(ElementType.UInt8)).Bytes.ToArray(), Is.EqualTo(new byte[] { 255 }));
        }
    }

    [TestCase("[1,2", "ends before")]
    [TestCase("[1,2]]", "nothing may follow")]
    [TestCase("[[1,2],[3]]", "one length; these have 2 and 1")]
    [TestCase("[[1],2]", "numbers or lists, not both")]
    [TestCase("[1,[2]]", "numbers or lists, not both")]
    [TestCase("[1,two]", "'two' is not a number")]
    [TestCase("[1,,2]", "a number is missing")]
    [TestCase("[1 2]", "'1 2' is not a number")]
    [TestCase("[1.5]", "'1.5' is no element of x: int64[?], which takes whole numbers")]
    [TestCase("[9223372036854775808]", "whole numbers of its range")]
    [TestCase("[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]", "deep")]
    public void What_is_no_list_is_explained(string text, string part) =>
        Assert.That(() => TensorLiteral.Parse(text, Input(ElementType.Int64, -1)), Throws.TypeOf<UsageException>().With.Message.Contains(part));

    private static ValueMetadata Input(ElementType type, params int[] dimensions) => new("x", type, [.. dimensions.Select(dimension => new Dimension(dimension))]);
}
