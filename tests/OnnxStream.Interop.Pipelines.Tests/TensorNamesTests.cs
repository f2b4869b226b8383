namespace OnnxStream.Interop.Pipelines.Tests;

public class TensorNamesTests
{
    private static readonly ValueMetadata Sample = new("sample", ElementType.Float32, null);
    private static readonly ValueMetadata States = new("encoder_5F_hidden_5F_states", ElementType.Float32, [new Dimension(1), new Dimension(77), new Dimension(768)]);

    [TestCase("encoder_5F_hidden_5F_states", "encoder_hidden_states")]
    [TestCase("onnx_3A__3A_Reshape_5F_0", "onnx::Reshape_0")]
    [TestCase("input_2E_1", "input.1")]
    [TestCase("_1F600_x", "😀x")]
    [TestCase("plain", "plain")]
    [TestCase("trailing_", "trailing_")]
    [TestCase("__", "__")]
    [TestCase("a_D800_b", "a_D800_b")]
    public void Unescape_UndoesOnnxStreamsEscaping(string name, string expected) => Assert.That(TensorNames.Unescape(name), Is.EqualTo(expected));

    [Test]
    public void Find_GoesByNameFirst() => Assert.Multiple(() =>
    {
        Assert.That(TensorNames.Find([Sample, States], ["encoder_hidden_states"], _ => true), Is.SameAs(States));
        Assert.That(TensorNames.Find([Sample, States], ["other", "sample"], _ => false), Is.SameAs(Sample));
    });

    [Test]
    public void Find_ThenByLooks() => Assert.Multiple(() =>
    {
        Assert.That(TensorNames.Find([Sample, States], ["other"], value => value.Dimensions is { Count: 3 }), Is.SameAs(States));
        Assert.That(TensorNames.Find([Sample, States], ["other"], _ => true), Is.Null);
    });

    [Test]
    public void Require_ListsWhatThereIs() => Assert.That(
        () => TensorNames.Require("unet.onnx", "The input for latents", [States], ["sample"], _ => false),
        Throws.TypeOf<ModelFormatException>().With.Message.Contains("unet.onnx: The input for latents").And.Message.Contains("sample").And.Message.Contains(States.ToString()));
}
