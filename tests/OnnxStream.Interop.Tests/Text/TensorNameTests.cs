using OnnxStream.Interop.Text;

namespace OnnxStream.Interop.Tests.Text;

public class TensorNameTests
{
    [TestCase("abcXYZ019", "abcXYZ019")]
    [TestCase("onnx::Split_137", "onnx_3A__3A_Split_5F_137")]
    [TestCase("/model.0/conv/Conv_output_0", "_2F_model_2E_0_2F_conv_2F_Conv_5F_output_5F_0")]
    [TestCase("a-b c", "a_2D_b_20_c")]
    [TestCase("größe", "gr_F6__DF_e")]
    [TestCase("数", "_6570_")]
    [TestCase("\U0001F600", "_1F600_")]
    [TestCase("", "")]
    public void EscapesAndUnescapes(string name, string spelling)
    {
        Assert.That(TensorName.Escape(name), Is.EqualTo(spelling));
        Assert.That(TensorName.Unescape(spelling), Is.EqualTo(name));
    }

    [TestCase("output0_0")]
    [TestCase("images_raw")]
    [TestCase("a_2f_b", Description = "lower case is not what is written")]
    [TestCase("a_02F_b", Description = "no padding")]
    [TestCase("a_41_b", Description = "letters are not escaped")]
    [TestCase("a__b")]
    [TestCase("a_2F")]
    [TestCase("a_D800_b", Description = "half of a surrogate pair")]
    [TestCase("a_110000_b")]
    [TestCase("a_FFFFFFFFFF_b")]
    [TestCase("a.b")]
    [TestCase("_")]
    public void NamesWrittenByHandStayAsTheyAre(string name) => Assert.That(TensorName.Unescape(name), Is.EqualTo(name));
}
