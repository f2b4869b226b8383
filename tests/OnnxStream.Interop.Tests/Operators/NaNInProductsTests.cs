namespace OnnxStream.Interop.Tests.Operators;

/// <summary>What is no number, or infinite, stays so in what is computed of it, and nowhere else: a broken model must not look healthy.</summary>
public class NaNInProductsTests
{
    [Test]
    public void AProductKeepsItInItsRow(
        [Values(1, 3, 17)] int rows, [Values(4, 33)] int inner, [Values(1, 5, 40)] int columns, [Values] bool isConstant,
        [Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float special, [Values("MatMul", "Gemm")] string operatorType)
    {
        TensorBuffer left = TestTensors.Random(ElementType.Float32, 1, 0.5, 1, rows, inner);
        TensorBuffer right = TestTensors.Random(ElementType.Float32, 2, 0.5, 1, inner, columns);
        left.Span<float>()[rows / 2 * inner + 2] = special;
        float[] actual = Run(new ModelBuilder(17).Node(operatorType, "x w", "y"), left, isConstant, right);
        for (int i = 0; i < actual.Length; i++)
        {
            Assert.That(actual[i], i / columns == rows / 2 ? Is.EqualTo(special) : Is.InRange(0, 100), $"element {i}");
        }
    }

    [Test]
    public void AConvolutionKeepsItInItsWindow(
        [Values(1, 3)] int kernel, [Values(1, 2)] int stride, [Values(1, 16)] int inputs, [Values(1, 16, 40)] int outputs, [Values(2, 9, 20)] int size,
        [Values(float.NaN, float.PositiveInfinity, float.NegativeInfinity)] float special)
    {
        TensorBuffer data = TestTensors.Random(ElementType.Float32, 1, 0.5, 1, 1, inputs, size, size);
        TensorBuffer weights = TestTensors.Random(ElementType.Float32, 2, 0.5, 1, outputs, inputs, kernel, kernel);
        int place = size / 2;
        data.Span<float>()[(inputs / 2 * size + place) * size + place] = special;
        float[] actual = Run(new ModelBuilder(17).Node("Conv", "x w", "y", ("pads", new long[] { kernel / 2, kernel / 2, kernel / 2, kernel / 2 }), ("strides", new long[] { stride, stride })), data, true, weights);

        CheckWindows(actual, outputs, size, size / stride + (size % stride), stride, kernel, place, special);
    }

    [Test]
    public void ADepthwiseConvolutionKeepsItInItsWindow(
        [Values(1, 4, 33)] int channels, [Values(9, 20)] int size, [Values(1, 2, 3, 5, 7)] int height, [Values(1, 2, 3, 5, 7)] int width, [Values(float.NaN, float.PositiveInfinity)] float special)
    {
        TensorBuffer data = TestTensors.Random(ElementType.Float32, 1, 0.5, 1, 1, channels, size, size);
        TensorBuffer weights = TestTensors.Random(ElementType.Float32, 2, 0.5, 1, channels, 1, height, width);
        data.Span<float>()[(channels / 3 * size + 3) * size + 3] = special;
        float[] actual = Run(new ModelBuilder(17).Node("Conv", "x w", "y", ("group", (long)channels)), data, true, weights);
        (int rows, int columns) = (size - height + 1, size - width + 1);
        for (int i = 0; i < actual.Length; i++)
        {
            (int channel, int y, int x) = (i / (rows * columns), i / columns % rows, i % columns);
            bool isInWindow = channel == channels / 3 && y <= 3 && y + height > 3 && x <= 3 && x + width > 3;
            Assert.That(actual[i], isInWindow ? Is.EqualTo(special) : Is.InRange(0, 100), $"element {i}");
        }
    }

    [Test]
    public void ATransposedConvolutionKeepsItInItsWindow([Values(1, 5)] int inputs, [Values(1, 12)] int outputs, [Values(2, 7)] int size, [Values(float.NaN, float.PositiveInfinity)] float special)
    {
        TensorBuffer data = TestTensors.Random(ElementType.Float32, 1, 0.5, 1, 1, inputs, size, size);
        TensorBuffer weights = TestTensors.Random(ElementType.Float32, 2, 0.5, 1, inputs, outputs, 2, 2);
        data.Span<float>()[size + 1] = special;
        float[] actual = Run(new ModelBuilder(17).Node("ConvTranspose", "x w", "y", ("strides", new long[] { 2, 2 })), data, true, weights);
        for (int i = 0; i < actual.Length; i++)
        {
            (int y, int x) = (i / (2 * size) % (2 * size), i % (2 * size));
            Assert.That(actual[i], y / 2 == 1 && x / 2 == 1 ? Is.EqualTo(special) : Is.InRange(0, 100), $"element {i}");
        }
    }

    private static void CheckWindows(float[] actual, int outputs, int size, int outputSize, int stride, int kernel, int place, float special)
    {
        int plane = actual.Length / outputs;
        Assert.That(plane, Is.EqualTo(outputSize * outputSize));
        for (int i = 0; i < actual.Length; i++)
        {
            (int y, int x) = (i % plane / outputSize * stride, i % plane % outputSize * stride);
            bool isInWindow = Math.Abs(y - place) <= kernel / 2 && Math.Abs(x - place) <= kernel / 2;
            Assert.That(actual[i], isInWindow ? Is.EqualTo(special) : Is.InRange(0, 1000), $"element {i} of size {size}");
        }
    }

    private static float[] Run(ModelBuilder builder, TensorBuffer data, bool isConstant, TensorBuffer weights)
    {
        using TemporaryFolder folder = new();
        builder.Input("x", ElementType.Float32, data.Shape.ToArray()).Output("y");
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = data };
        if (isConstant)
        {
            builder.Initializer("w", weights);
        }
        else
        {
            builder.Input("w", ElementType.Float32, weights.Shape.ToArray());
            inputs.Add("w", weights);
        }

        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()), new SessionOptions { ThreadCount = 2 });
        return session.Run(inputs)["y"].Span<float>().ToArray();
    }
}
