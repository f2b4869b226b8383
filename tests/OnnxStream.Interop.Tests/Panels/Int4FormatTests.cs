using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

/// <summary>Layers whose weights are whole numbers that 4 bits hold, and whose data 8 bits hold: results are exact.</summary>
[NativeMemoryLeakCheck]
public class Int4FormatTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    [Test]
    public void WholeBlocksOfMatricesAreTaken()
    {
        Int4Format format = new();
        Assert.That(format.Takes(1024, 32, 1), Is.True);
        Assert.That(format.Takes(1024, 33, 1), Is.False);
        Assert.That(format.Takes(1024, 32, 9), Is.False);
        Assert.That(format.Takes(1023, 32, 1), Is.False);
        Assert.That(format.Substitute.Identity, Is.EqualTo("int8"));
    }

    // Every number of rows up to two tiles of XNNPACK's widest kernels.
    [Test]
    public void Matrices([Range(1, 35)] int rows, [Values] bool isInputMajor)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, rows, 224).Output("y").Initializer("b", Whole(4, -5000, 5000, 173));
        model = isInputMajor
            ? model.Initializer("w", Weights(1, 224, 173, isInputMajor)).Node("Gemm", "x w b", "y")
            : model.Initializer("w", Weights(1, 173, 224, isInputMajor)).Node("Gemm", "x w b", "y", ("transB", 1));
        TensorBuffer data = Data(5, rows, 224);
        TensorBuffer expected = Run(model, null, data, out _);
        TensorBuffer actual = Run(model, ElementType.Int4, data, out string[] kernels);
        Assert.That(kernels, Has.Some.Contains("fully connected, int4"));
        Assert.That(TestTensors.RelativeRms(actual, expected), Is.LessThan(3e-6));
    }

    // 128 and 1,024 rows end with a tile of two.
    [TestCase(128, 1)]
    [TestCase(128, 2)]
    [TestCase(1024, 3)]
    public void ManyRowsAndPanels(int rows, int threads)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, rows, 512).Output("y").Initializer("w", Weights(1, 512, 2100, isInputMajor: true)).Node("MatMul", "x w", "y");
        TensorBuffer data = Data(5, rows, 512);
        Assert.That(TestTensors.RelativeRms(Run(model, ElementType.Int4, data, out _, threads), Run(model, null, data, out _, threads)), Is.LessThan(3e-6));
    }

    // A convolution and a matrix whose rows are no whole blocks are computed in 8 bits, in the same store.
    [Test]
    public void OtherWeightsHaveEightBits()
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 64, 9, 32).Output("y").Initializer("k", TestTensors.Floats(1, 64, 64, 3, 3)).Initializer("w", TestTensors.Floats(2, 32, 1025))
            .Initializer("v", TestTensors.Floats(3, 1025, 100))
            .Node("Conv", "x k", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("MatMul", "c w", "m").Node("MatMul", "m v", "y");
        TensorBuffer data = TestTensors.Floats(5, 1, 64, 9, 32);
        TensorBuffer expected = Run(model, null, data, out _);
        TensorBuffer actual = Run(model, ElementType.Int4, data, out string[] kernels);
        Assert.That(kernels, Has.Some.EqualTo("xnn convolution, int8").And.Some.EqualTo("xnn fully connected, int4").And.Some.EqualTo("xnn fully connected, int8"));
        Assert.That(TestTensors.RelativeRms(actual, expected), Is.GreaterThan(0).And.LessThan(0.15));
    }

    [Test]
    public void StoreIsAnEighth()
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 4, 1024).Output("y").Initializer("w", TestTensors.Floats(1, 1024, 2048)).Node("MatMul", "x w", "y");
        TensorBuffer expected = Run(model, ElementType.Float32, TestTensors.Floats(5, 4, 1024), out _);
        TensorBuffer actual = Run(model, ElementType.Int4, TestTensors.Floats(5, 4, 1024), out _);
        Assert.That(new FileInfo(_folder["Int4.panels"]).Length, Is.LessThan(0.15 * new FileInfo(_folder["Float32.panels"]).Length));
        Assert.That(TestTensors.RelativeRms(actual, expected), Is.LessThan(0.12));
    }

    private TensorBuffer Run(ModelBuilder model, ElementType? type, TensorBuffer data, out string[] kernels, int threads = 2)
    {
        string path = _folder.Write("model.onnx", model.ToBytes());
        PanelStoreOptions store = type is { } stored ? PanelStoreOptions.File(_folder[$"{stored}.panels"]) with { ElementType = stored } : PanelStoreOptions.Off;
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, PanelStore = store });
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = data };
        kernels = [.. session.Plan(inputs.ToDictionary(input => input.Key, input => input.Value.Type)).Steps.Select(step => step.KernelName)];
        return session.Run(inputs)["y"];
    }

    private static TensorBuffer Whole(int seed, int low, int high, params long[] shape)
    {
        Random random = new(seed);
        TensorBuffer tensor = TestTensors.Floats(seed, shape);
        foreach (ref float element in tensor.Span<float>())
        {
            element = random.Next(low, high + 1);
        }

        return tensor;
    }

    // Each row has both ends of the range of 8 bits, so that its scale is 1 and its zero point 0.
    private static TensorBuffer Data(int seed, int rows, int length)
    {
        TensorBuffer tensor = Whole(seed, -128, 127, rows, length);
        for (int row = 0; row < rows; row++)
        {
            tensor.Span<float>()[row * length + row % length] = -128;
            tensor.Span<float>()[row * length + (row + 7) % length] = 127;
        }

        return tensor;
    }

    // Each block of an output channel has a weight of -8, so that its scale is 1.
    private static TensorBuffer Weights(int seed, int first, int second, bool isInputMajor)
    {
        TensorBuffer tensor = Whole(seed, -8, 7, first, second);
        (int outputs, int inputs) = isInputMajor ? (second, first) : (first, second);
        for (int channel = 0; channel < outputs; channel++)
        {
            for (int input = channel % BlockQuantizer.BlockLength; input < inputs; input += BlockQuantizer.BlockLength)
            {
                tensor.Span<float>()[isInputMajor ? input * second + channel : channel * second + input] = -8;
            }
        }

        return tensor;
    }
}
