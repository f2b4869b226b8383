using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

/// <summary>Layers whose weights are whole numbers that 4 bits hold, and whose data 8 bits hold: results are exact.</summary>
[NativeMemoryLeakCheck]
public class Int4FormatTests
{
    private QuantizedLayers _layers = null!;

    [SetUp]
    public void SetUp() => _layers = new QuantizedLayers();

    [TearDown]
    public void TearDown() => _layers.Dispose();

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
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, rows, 224).Output("y").Initializer("b", QuantizedLayers.Whole(4, -5000, 5000, 173));
        model = isInputMajor
            ? model.Initializer("w", Weights(1, 224, 173, isInputMajor)).Node("Gemm", "x w b", "y")
            : model.Initializer("w", Weights(1, 173, 224, isInputMajor)).Node("Gemm", "x w b", "y", ("transB", 1));
        TensorBuffer data = QuantizedLayers.Rows(5, rows, 224);
        TensorBuffer expected = _layers.Run(model, null, data, out _);
        TensorBuffer actual = _layers.Run(model, ElementType.Int4, data, out string[] kernels);
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
        TensorBuffer data = QuantizedLayers.Rows(5, rows, 512);
        Assert.That(TestTensors.RelativeRms(_layers.Run(model, ElementType.Int4, data, out _, threads), _layers.Run(model, null, data, out _, threads)), Is.LessThan(3e-6));
    }

    // A convolution and a matrix whose rows are no whole blocks are computed in 8 bits, in the same store.
    [Test]
    public void OtherWeightsHaveEightBits()
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 64, 9, 32).Output("y").Initializer("k", TestTensors.Floats(1, 64, 64, 3, 3)).Initializer("w", TestTensors.Floats(2, 32, 1025))
            .Initializer("v", TestTensors.Floats(3, 1025, 100))
            .Node("Conv", "x k", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("MatMul", "c w", "m").Node("MatMul", "m v", "y");
        TensorBuffer data = TestTensors.Floats(5, 1, 64, 9, 32);
        TensorBuffer expected = _layers.Run(model, null, data, out _);
        TensorBuffer actual = _layers.Run(model, ElementType.Int4, data, out string[] kernels);
        Assert.That(kernels, Has.Some.EqualTo("xnn convolution, int8").And.Some.EqualTo("xnn fully connected, int4").And.Some.EqualTo("xnn fully connected, int8"));
        Assert.That(TestTensors.RelativeRms(actual, expected), Is.GreaterThan(0).And.LessThan(0.15));
    }

    [Test]
    public void StoreIsAnEighth()
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 4, 1024).Output("y").Initializer("w", TestTensors.Floats(1, 1024, 2048)).Node("MatMul", "x w", "y");
        TensorBuffer expected = _layers.Run(model, ElementType.Float32, TestTensors.Floats(5, 4, 1024), out _);
        TensorBuffer actual = _layers.Run(model, ElementType.Int4, TestTensors.Floats(5, 4, 1024), out _);
        Assert.That(_layers.StoreBytes(ElementType.Int4), Is.LessThan(0.15 * _layers.StoreBytes(ElementType.Float32)));
        Assert.That(TestTensors.RelativeRms(actual, expected), Is.LessThan(0.12));
    }

    // Each block of an output channel has a weight of -8, so that its scale is 1.
    private static TensorBuffer Weights(int seed, int first, int second, bool isInputMajor)
    {
        TensorBuffer tensor = QuantizedLayers.Whole(seed, -8, 7, first, second);
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
