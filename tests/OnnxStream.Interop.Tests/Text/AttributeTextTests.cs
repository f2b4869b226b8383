using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Text;

namespace OnnxStream.Interop.Tests.Text;

public class AttributeTextTests
{
    private static readonly (string Operator, string Key, object Value, string Text)[] s_spellings =
    [
        ("Concat", "axis", 1L, "1"),
        ("Concat", "axis", -1L, "-1"),
        ("ReduceMean", "axes", new long[] { -1 }, "-1"),
        ("Conv", "pads", new long[] { 1, 2, 3, 4 }, "1,2,3,4"),
        ("Conv", "pads", Array.Empty<long>(), ""),
        ("Gemm", "alpha", 1f, "1.0"),
        ("Gemm", "beta", 0.5f, "0.5"),
        ("InstanceNormalization", "epsilon", 1e-5f, "9.999999747378752e-06"),
        ("InstanceNormalization", "epsilon", 1e-6f, "9.999999974752427e-07"),
        ("LeakyRelu", "alpha", 0.01f, "0.009999999776482582"),
        ("LeakyRelu", "alpha", float.PositiveInfinity, "inf"),
        ("LeakyRelu", "alpha", float.NegativeInfinity, "-inf"),
        ("LeakyRelu", "alpha", float.NaN, "nan"),
        ("LeakyRelu", "alpha", -0f, "-0.0"),
        ("LeakyRelu", "alpha", float.MaxValue, "3.4028234663852886e+38"),
        ("Resize", "mode", "nearest", "nearest"),
        ("Einsum", "equation", "bij,bjk->bik", "bij,bjk->bik"),
        ("Conv", "auto_pad", "", ""),
        ("Upsample", "scales", new[] { 1f, 2f }, "1.0,2.0"),
        ("ConstantOfShape", "value", Constant.FromData(new TensorType(ElementType.Float32, new Shape(1)), [0, 0, 0, 0]), "0.0"),
        ("ConstantOfShape", "value", Constant.FromData(new TensorType(ElementType.Int64, new Shape(1)), [7, 0, 0, 0, 0, 0, 0, 0]), "7"),
        ("ConstantOfShape", "value", Constant.FromData(new TensorType(ElementType.Bool, new Shape(1)), [1]), "True"),
    ];

    [Test]
    public void FormatsAsTheOriginalsConverter([ValueSource(nameof(s_spellings))] (string Operator, string Key, object Value, string Text) spelling) =>
        Assert.That(AttributeText.Format(spelling.Operator, spelling.Key, spelling.Value), Is.EqualTo(spelling.Text));

    [Test]
    public void ParsesWhatItFormats([ValueSource(nameof(s_spellings))] (string Operator, string Key, object Value, string Text) spelling)
    {
        object? value = AttributeText.Parse(spelling.Operator, spelling.Key, spelling.Text);
        if (spelling.Value is Constant expected)
        {
            Assert.That(((Constant)value!).Type.ElementType, Is.EqualTo(expected.Type.ElementType));
            Assert.That(((Constant)value).Data, Is.EqualTo(expected.Data));
        }
        else
        {
            Assert.That(value, Is.TypeOf(spelling.Value.GetType()).And.EqualTo(spelling.Value));
        }
    }

    [Test]
    public void SpellingsWrittenByHand()
    {
        Assert.That(AttributeText.Parse("Gemm", "alpha", "1"), Is.EqualTo(1f), "a real number without a point");
        Assert.That(AttributeText.Parse("X", "unknown", "3"), Is.EqualTo(3L));
        Assert.That(AttributeText.Parse("X", "unknown", "3.5"), Is.EqualTo(3.5f));
        Assert.That(AttributeText.Parse("X", "unknown", "3,4"), Is.EqualTo(new long[] { 3, 4 }));
        Assert.That(AttributeText.Parse("X", "unknown", "3,4.5"), Is.EqualTo(new[] { 3f, 4.5f }));
        Assert.That(AttributeText.Parse("X", "unknown", "a,b"), Is.EqualTo("a,b"));
        Assert.That(AttributeText.Parse("X", "unknown", "linear"), Is.EqualTo("linear"));
    }

    [TestCase("Conv", "pads", "1,x")]
    [TestCase("Conv", "pads", "1,")]
    [TestCase("Conv", "pads", "1.5")]
    [TestCase("Gemm", "alpha", "one")]
    [TestCase("ConstantOfShape", "value", "none")]
    [TestCase("Upsample", "scales", "1,two")]
    public void RefusesOtherKinds(string operatorType, string key, string text) => Assert.That(AttributeText.Parse(operatorType, key, text), Is.Null);

    [Test]
    public void DoesNotFormatWhatWouldBeReadDifferently()
    {
        Assert.That(AttributeText.Format("X", "unknown", "12"), Is.Null, "a text of digits");
        Assert.That(AttributeText.Format("X", "unknown", new long[] { 12 }), Is.Null, "a list of one");
        Assert.That(AttributeText.Format("X", "mode", "a:b"), Is.Null);
        Assert.That(AttributeText.Format("X", "mode", "a*b"), Is.Null);
        Assert.That(AttributeText.Format("X", "mode", "a\nb"), Is.Null);
        Assert.That(AttributeText.Format("X", "names", new[] { "a" }), Is.Null);
        Assert.That(AttributeText.Format("X", "value", Constant.FromData(new TensorType(ElementType.Int64, new Shape(2)), new byte[16])), Is.Null);
    }
}
