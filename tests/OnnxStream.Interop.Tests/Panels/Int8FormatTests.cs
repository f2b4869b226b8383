using OnnxStream.Interop.Panels;

namespace OnnxStream.Interop.Tests.Panels;

/// <summary>Layers whose weights and data are whole numbers that 8 bits hold: their results are exact, whichever way they are computed.</summary>
[NativeMemoryLeakCheck]
public class Int8FormatTests
{
    private QuantizedLayers _layers = null!;

    [SetUp]
    public void SetUp() => _layers = new QuantizedLayers();

    [TearDown]
    public void TearDown() => _layers.Dispose();

    [Test]
    public void SmallAndVeryDeepWeightsAreNotTaken()
    {
        Int8Format format = new();
        Assert.That(format.Takes(32, 1024, 1), Is.True);
        Assert.That(format.Takes(32, 1023, 1), Is.False, "few numbers");
        Assert.That(format.Takes(32, 66_000, 1), Is.True);
        Assert.That(format.Takes(32, 7_400, 9), Is.False, "255 times 127 times 66,600 is more than 32 bits hold");
    }

    // Every number of rows up to two tiles of XNNPACK's widest kernels; outputs and inputs that no tile divides.
    [Test]
    public void Matrices([Range(1, 35)] int rows, [Values] bool isInputMajor)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, rows, 211).Output("y").Initializer("b", QuantizedLayers.Whole(4, -5000, 5000, 173));
        model = isInputMajor
            ? model.Initializer("w", Weights(1, 211, 173, isInputMajor)).Node("Gemm", "x w b", "y")
            : model.Initializer("w", Weights(1, 173, 211, isInputMajor)).Node("Gemm", "x w b", "y", ("transB", 1));
        AssertExact(model, "fully connected, int8", QuantizedLayers.Rows(5, rows, 211));
    }

    [Test]
    public void MatrixOfManyPanels([Values(1, 2, 3)] int threads, [Values(1, 50)] int rows)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, rows, 512).Output("y").Initializer("w", Weights(1, 512, 2100, isInputMajor: true)).Node("MatMul", "x w", "y");
        AssertExact(model, "fully connected, int8", QuantizedLayers.Rows(5, rows, 512), threads);
    }

    [Test]
    public void Convolutions(
        [Values(1, 2)] int batch, [Values(1, 2)] int stride, [Values(1, 2)] int dilation, [Values(0, 1)] int padding, [Values(1, 3)] int kernel, [Values(1, 3)] int threads)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, batch, 67, 11, 9).Output("y").Initializer("w", Weights(1, kernel == 1 ? 530 : 61, 67, kernel, kernel))
            .Initializer("b", QuantizedLayers.Whole(2, -5000, 5000, kernel == 1 ? 530 : 61))
            .Node("Conv", "x w b", "y", ("pads", new[] { padding, padding, padding, padding }), ("strides", new[] { stride, stride }), ("dilations", new[] { dilation, dilation }));
        AssertExact(model, ", int8", Images(5, batch, 67, 11, 9), threads);
    }

    [Test]
    public void ConvolutionOfADoubledImage([Values(1, 2)] int batch, [Values(1, 3)] int threads, [Values(ElementType.Float32, ElementType.Float16)] ElementType activations)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, batch, 64, 17, 19).Output("y").Initializer("w", Weights(1, 64, 64, 3, 3))
            .Initializer("s", TensorBuffer.Create<float>([1, 1, 2, 2], 4))
            .Node("Resize", "x - s", "r", ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"))
            .Node("Conv", "r w", "y", ("pads", new[] { 1, 1, 1, 1 }));
        AssertExact(model, "xnn convolution, int8", Images(5, batch, 64, 17, 19), threads, activations);
    }

    // 32 MiB of single precision, strip by strip: heights that strips divide and that they do not, several images and panels.
    [TestCase(1, 379, 350, 1, 1, 1)]
    [TestCase(1, 384, 350, 1, 1, 0)]
    [TestCase(2, 191, 350, 2, 1, 1)]
    [TestCase(1, 401, 350, 1, 3, 2)]
    [TestCase(1, 379, 350, 3, 1, 0)]
    public void LargeConvolutions(int batch, int height, int width, int stride, int dilation, int padding)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, batch, 64, height, width).Output("y").Initializer("w", Weights(1, 77, 64, 3, 3)).Initializer("b", QuantizedLayers.Whole(2, -5000, 5000, 77))
            .Node("Conv", "x w b", "y", ("pads", new[] { padding, padding, padding, padding }), ("strides", new[] { stride, stride }), ("dilations", new[] { dilation, dilation }));
        TensorBuffer data = Images(5, batch, 64, height, width);
        AssertExact(model, "xnn convolution in strips, int8", data, threads: 1);
        AssertExact(model, "xnn convolution in strips, int8", data, threads: 3);
    }

    [Test]
    public void LargeConvolutionOfADoubledImage([Values(ElementType.Float32, ElementType.Float16)] ElementType activations)
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 64, 190, 176).Output("y").Initializer("w", Weights(1, 64, 64, 3, 3))
            .Initializer("s", TensorBuffer.Create<float>([1, 1, 2, 2], 4))
            .Node("Resize", "x - s", "r", ("mode", "nearest"), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"))
            .Node("Conv", "r w", "y", ("pads", new[] { 1, 1, 1, 1 }));
        AssertExact(model, "xnn convolution in strips, int8", Images(5, 1, 64, 190, 176), activations: activations);
    }

    // Data and results in blocks of 8 bits, each written over what it is made of; a NaN spoils strips, not the image.
    [Test]
    public void LargeConvolutionsOverTheirData([Values(1, 2, 3)] int threads)
    {
        const int Height = 379;
        const int Width = 350;
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 1, 8, Height, Width).Output("y").Initializer("w0", TestTensors.Floats(1, 64, 8, 1, 1)).Initializer("w1", TestTensors.Floats(2, 64, 64, 3, 3))
            .Initializer("w2", TestTensors.Floats(3, 96, 64, 3, 3)).Initializer("w3", TestTensors.Floats(4, 4, 96, 1, 1))
            .Node("Conv", "x w0", "a").Node("Conv", "a w1", "b", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "b w2", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "c w3", "y");
        TensorBuffer data = TestTensors.Floats(5, 1, 8, Height, Width);
        TensorBuffer expected = _layers.Run(model, null, data, out _, threads);
        TensorBuffer actual = _layers.Run(model, ElementType.Int8, data, out string[] kernels, threads, ElementType.Int8);
        Assert.That(kernels.Count(kernel => kernel == "xnn convolution in strips, int8"), Is.EqualTo(2));
        Assert.That(TestTensors.RelativeRms(actual, expected), Is.InRange(1e-3, 0.03));

        data.Span<float>()[200 * Width + 100] = float.NaN;
        Span<float> spoiled = _layers.Run(model, ElementType.Int8, data, out _, threads, ElementType.Int8).Span<float>();
        Assert.That(spoiled[200 * Width + 100], Is.NaN);
        Assert.That(float.IsNaN(spoiled[50 * Width + 100]) || float.IsNaN(spoiled[370 * Width + 100]), Is.False);
    }

    [Test]
    public void ResultsAreLimited()
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 6, 300).Output("y").Initializer("w", Weights(1, 300, 120, isInputMajor: true))
            .Node("MatMul", "x w", "m").Node("Relu", "m", "y");
        AssertExact(model, "fully connected, int8", QuantizedLayers.Rows(5, 6, 300));
    }

    // Half of the columns are multiplied with a function of the other half.
    [Test]
    public void GatedMatrices([Values(1, 9, 80)] int rows)
    {
        ModelBuilder model = new ModelBuilder(20).Input("x", ElementType.Float32, rows, 256).Output("y")
            .Initializer("w", TestTensors.Floats(1, 256, 512)).Initializer("b", TestTensors.Floats(2, 512))
            .Node("MatMul", "x w", "m").Node("Add", "m b", "a").Node("Split", "a", "l r", ("axis", -1), ("num_outputs", 2)).Node("Sigmoid", "r", "e").Node("Mul", "r e", "g").Node("Mul", "l g", "y");
        AssertClose(model, "gated fully connected, int8", TestTensors.Floats(5, rows, 256), 0.02);
    }

    // Where results are limited, XNNPACK's kernels would make the limit of NaN: the build mends them.
    [Test]
    public void RowThatIsNotFiniteSpoilsItsResultsOnly([Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float value, [Values] bool isLimited)
    {
        TensorBuffer data = TestTensors.Floats(5, 7, 512);
        data.Span<float>()[3 * 512 + 100] = value;
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 7, 512).Output("y").Initializer("w", TestTensors.Floats(1, 512, 100)).Node("MatMul", "x w", isLimited ? "m" : "y");
        model = isLimited ? model.Node("Relu", "m", "y") : model;
        TensorBuffer results = _layers.Run(model, ElementType.Int8, data, out _);
        for (int i = 0; i < 700; i++)
        {
            Assert.That(float.IsNaN(results.Span<float>()[i]), Is.EqualTo(i / 100 == 3), $"row {i / 100}");
            Assert.That(i / 100 == 3 || float.IsFinite(results.Span<float>()[i]), Is.True, $"row {i / 100}");
        }
    }

    [TestCase(1e-41f, 1f, 0.02)]
    [TestCase(1e-30f, 1e30f, 0.02)]
    [TestCase(1e30f, 1e-30f, 0.02)]
    [TestCase(0f, 1f, 0)]
    public void SmallAndLargeNumbers(float dataFactor, float weightFactor, double tolerance)
    {
        TensorBuffer data = Scaled(TestTensors.Floats(5, 7, 512), dataFactor);
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 7, 512).Output("y").Initializer("w", Scaled(TestTensors.Floats(1, 512, 100), weightFactor)).Node("MatMul", "x w", "y");
        AssertClose(model, "int8", data, dataFactor < 1e-38f && dataFactor > 0 ? 1 : tolerance);
    }

    [Test]
    public void StoreIsAQuarter()
    {
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.Float32, 4, 1024).Output("y").Initializer("w", TestTensors.Floats(1, 1024, 2048)).Node("MatMul", "x w", "y");
        _layers.Run(model, ElementType.Float32, TestTensors.Floats(5, 4, 1024), out _);
        _layers.Run(model, ElementType.Int8, TestTensors.Floats(5, 4, 1024), out _);
        Assert.That(_layers.StoreBytes(ElementType.Int8), Is.LessThan(0.27 * _layers.StoreBytes(ElementType.Float32)));
    }

    private void AssertExact(ModelBuilder model, string kernel, TensorBuffer data, int threads = 2, ElementType activations = ElementType.Float32)
    {
        TensorBuffer expected = _layers.Run(model, null, data, out _, threads, activations);
        TensorBuffer actual = _layers.Run(model, ElementType.Int8, data, out string[] kernels, threads, activations);
        Assert.That(kernels, Has.Some.Contains(kernel));

        // Winograd's algorithm, which computes what is expected for some convolutions, is not exact.
        Assert.That(TestTensors.RelativeRms(actual, expected), Is.LessThan(activations == ElementType.Float16 ? 1e-3 : 3e-6));
    }

    private void AssertClose(ModelBuilder model, string kernel, TensorBuffer data, double tolerance)
    {
        TensorBuffer expected = _layers.Run(model, null, data, out _);
        TensorBuffer actual = _layers.Run(model, ElementType.Int8, data, out string[] kernels);
        Assert.That(kernels, Has.Some.Contains(kernel));
        Assert.That(TestTensors.RelativeRms(actual, expected), Is.LessThanOrEqualTo(tolerance));
    }

    private static TensorBuffer Scaled(TensorBuffer tensor, float factor)
    {
        foreach (ref float element in tensor.Span<float>())
        {
            element *= factor;
        }

        return tensor;
    }

    // Each image and each pixel have both ends of the range of 8 bits: a convolution over single pixels gives each a scale of its own.
    private static TensorBuffer Images(int seed, long count, long channels, long height, long width)
    {
        TensorBuffer tensor = QuantizedLayers.Whole(seed, -128, 127, count, channels, height, width);
        Span<float> elements = tensor.Span<float>();
        for (long image = 0; image < count; image++)
        {
            Span<float> planes = elements[(int)(image * channels * height * width)..];
            planes[..(int)(height * width)].Fill(-128);
            planes.Slice((int)(height * width), (int)(height * width)).Fill(127);
        }

        return tensor;
    }

    // Each output channel has a weight of 127, so that its scale is 1.
    private static TensorBuffer Weights(int seed, long first, long second, bool isInputMajor)
    {
        TensorBuffer tensor = QuantizedLayers.Whole(seed, -127, 127, first, second);
        for (long channel = 0; channel < (isInputMajor ? second : first); channel++)
        {
            tensor.Span<float>()[(int)(isInputMajor ? channel % first * second + channel : channel * second + channel % second)] = 127;
        }

        return tensor;
    }

    private static TensorBuffer Weights(int seed, long outputs, long inputs, long height, long width)
    {
        TensorBuffer tensor = QuantizedLayers.Whole(seed, -127, 127, outputs, inputs, height, width);
        for (long channel = 0; channel < outputs; channel++)
        {
            tensor.Span<float>()[(int)(channel * inputs * height * width + channel % inputs)] = 127;
        }

        return tensor;
    }
}
