using System.Globalization;
using OnnxStream.Interop.Tests.Text;

namespace OnnxStream.Interop.Tests;

/// <summary>Files and messages are the same under every culture, whatever its signs and digits.</summary>
public class CulturesTests
{
    [TestCaseSource(typeof(TestCulture), nameof(TestCulture.Names))]
    public void TextsOfNumbers(string culture) => Assert.That(
        TestCulture.Under(culture, () => $"{-1.5} {-7} {1234567:N0} {-0.25:0.000} {float.NaN} {float.NegativeInfinity} {-3,4}|{new Shape(2, 3)}"),
        Is.EqualTo("-1.5 -7 1,234,567 -0.250 NaN -Infinity   -3|[2,3]"));

    [TestCaseSource(typeof(TestCulture), nameof(TestCulture.Names))]
    public void TheCultureIsAnother(string culture) => Assert.That(
        TestCulture.Under(culture, () => (-1234.5).ToString("N1", CultureInfo.CurrentCulture)), Is.Not.EqualTo("-1,234.5"));

    [TestCaseSource(typeof(TestCulture), nameof(TestCulture.Names))]
    public void FoldersAreWrittenTheSame(string culture)
    {
        using TemporaryFolder folder = new();
        Model model = Model.Load(folder.Write("m.onnx", Network().ToBytes()));
        model.SaveOnnxStream(folder["before"]);
        _ = TestCulture.Under(culture, () =>
        {
            model.SaveOnnxStream(folder["after"]);
            return true;
        });
        string expected = File.ReadAllText(folder["before/model.txt"]);
        Assert.That(expected, Does.Contain("axis:-1").And.Contain("epsilon:0.0010000000474974513").And.Contain("alpha:-1.5"));
        Assert.That(File.ReadAllText(folder["after/model.txt"]), Is.EqualTo(expected));
    }

    [TestCaseSource(typeof(TestCulture), nameof(TestCulture.Names))]
    public void FoldersAreRead(string culture)
    {
        using TextFolder folder = new TextFolder()
            .Lines("a:LeakyRelu*input:x(2,3)*output:y(2,3)*alpha:-1.5", "b:Concat*input:y(2,3);w_2E_.bin(uint8[0.25,4]:2,1)*output:z(2,4)*axis:-1")
            .Weight("w_2E_.bin", (byte)2, (byte)5);
        float[] result = TestCulture.Under(culture, () =>
        {
            using InferenceSession session = new(folder.Load());
            return session.Run(new Dictionary<string, TensorBuffer> { ["x"] = TensorBuffer.Create<float>([-1f, 2, -3, 4, -5, 6], 2, 3) })["z"].Span<float>().ToArray();
        });
        Assert.That(result, Is.EqualTo([1.5f, 2, 4.5f, -0.5f, 4, 7.5f, 6, 0.25f]));
    }

    [TestCaseSource(typeof(TestCulture), nameof(TestCulture.Names))]
    public void OnnxFilesWithExternalDataAreWrittenAndReadTheSame(string culture)
    {
        using TemporaryFolder folder = new();
        ModelBuilder builder = new ModelBuilder(17).Input("x", ElementType.Float32, 2, 30).Initializer("w", TestTensors.Floats(1, 30, 30)).Initializer("v", TestTensors.Floats(2, 30, 30))
            .Node("MatMul", "x w", "y").Node("MatMul", "y v", "z").Output("z");
        Model model = Model.Load(folder.Write("m.onnx", builder.ToBytes()));
        Directory.CreateDirectory(folder["before"]);
        Directory.CreateDirectory(folder["after"]);
        model.SaveOnnx(folder["before/b.onnx"]);
        int inputs = TestCulture.Under(culture, () =>
        {
            model.SaveOnnx(folder["after/b.onnx"]);
            return Model.Load(folder["after/b.onnx"]).Inputs.Count;
        });
        Assert.That(inputs, Is.EqualTo(1));
        Assert.That(File.ReadAllBytes(folder["after/b.onnx"]), Is.EqualTo(File.ReadAllBytes(folder["before/b.onnx"])));
    }

    [TestCaseSource(typeof(TestCulture), nameof(TestCulture.Names))]
    public void MessagesAreTheSame(string culture)
    {
        byte[] bytes = new ModelBuilder(17).Input("x", ElementType.Float32, 2, 3).Initializer("shape", TensorBuffer.Create<long>([-1L, -7], 2)).Node("Reshape", "x shape", "y").Output("y").ToBytes();
        using TemporaryFolder folder = new();
        string path = folder.Write("m.onnx", bytes);
        string Message() => Assert.Throws<InvalidGraphException>(() => new InferenceSession(path).Dispose())!.Message;
        string expected = Message();
        Assert.That(expected, Does.Contain("[-1,-7]"));
        Assert.That(TestCulture.Under(culture, Message), Is.EqualTo(expected));
    }

    private static ModelBuilder Network() => new ModelBuilder(17)
        .Input("x", ElementType.Float32, 1, 3, 8).Initializer("s", TestTensors.Floats(1, 3)).Initializer("half", TensorBuffer.Create<float>([0.5f], 1))
        .Node("LeakyRelu", "x", "a", ("alpha", -1.5f)).Node("Softmax", "a", "b", ("axis", -1))
        .Node("InstanceNormalization", "b s s", "c", ("epsilon", 0.001f)).Output("c");
}
