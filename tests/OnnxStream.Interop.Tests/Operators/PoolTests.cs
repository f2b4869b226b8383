namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class PoolTests
{
    private static readonly string[] s_functions = ["MaxPool", "AveragePool", "LpPool"];

    [Test]
    public void Geometry([ValueSource(nameof(s_functions))] string name, [Values(1, 2, 3)] int kernel, [Values(1, 2, 3)] int stride, [Values(0, 1)] int pad, [Values(0, 1)] int ceil)
    {
        // ONNX Runtime wants pads that are smaller than the kernel.
        pad = Math.Min(pad, kernel - 1);
        new OperatorTester(name, name == "LpPool" ? 18 : 12).Input(TestTensors.Floats(1, 2, 3, 11, 8))
            .Attribute("kernel_shape", new[] { kernel, kernel }).Attribute("strides", new[] { stride, stride }).Attribute("pads", new[] { pad, 0, pad, pad }).Attribute("ceil_mode", ceil).Check(constantsToo: false);
    }

    // Longer than vectors, with strides of which the columns are taken apart and such of which they are not; more rows than are joined at a time.
    [Test]
    public void LongRows([ValueSource(nameof(s_functions))] string name, [Values(1, 2, 3, 4, 5)] int stride, [Values(2, 5, 19)] int kernel) =>
        new OperatorTester(name, name == "LpPool" ? 18 : 12).Input(TestTensors.Floats(1, 1, 2, 24, 90)).Attribute("kernel_shape", new[] { kernel, kernel }).Attribute("strides", new[] { 1, stride })
            .Attribute("pads", new[] { 1, 1, 0, 1 }).Check(constantsToo: false);

    [Test]
    public void LongRowsOfBytes([Values(2, 3)] int stride) =>
        new OperatorTester("MaxPool", 12).Input(TestTensors.Random(ElementType.UInt8, 1, 0, 255, 1, 2, 9, 150)).Attribute("kernel_shape", new[] { 3, 3 }).Attribute("strides", new[] { stride, stride })
            .Output(ElementType.UInt8).Check(constantsToo: false);

    [Test]
    public void IndicesOfLongRows([Values(1, 2, 3)] int stride, [Values(ElementType.Float32, ElementType.Float64, ElementType.UInt8)] ElementType type) =>
        new OperatorTester("MaxPool", 12).Input(TestTensors.Random(type, 1, 0, 90, 2, 3, 7, 1200)).Attribute("kernel_shape", new[] { 2, 3 }).Attribute("strides", new[] { 1, stride })
            .Attribute("pads", new[] { 1, 1, 0, 1 }).Output(type).Output(ElementType.Int64).Check(constantsToo: false);

    [Test]
    public void OneAndThreeDimensions([ValueSource(nameof(s_functions))] string name, [Values(1, 2)] int stride)
    {
        new OperatorTester(name, 11).Input(TestTensors.Floats(1, 2, 3, 600)).Attribute("kernel_shape", new[] { 3 }).Attribute("strides", new[] { stride }).Attribute("pads", new[] { 1, 2 }).Check();
        new OperatorTester(name, 11).Input(TestTensors.Floats(1, 1, 2, 5, 6, 7)).Attribute("kernel_shape", new[] { 2, 3, 2 }).Attribute("strides", new[] { stride, 1, 2 })
            .Attribute("pads", new[] { 1, 0, 1, 0, 1, 1 }).Check();
    }

    [Test]
    public void AutomaticPads([ValueSource(nameof(s_functions))] string name, [Values("SAME_UPPER", "SAME_LOWER", "VALID")] string mode, [Values(1, 2, 3)] int stride) =>
        new OperatorTester(name, 11).Input(TestTensors.Floats(1, 1, 2, 9, 8)).Attribute("kernel_shape", new[] { 3, 4 }).Attribute("strides", new[] { stride, stride }).Attribute("auto_pad", mode).Check();

    [Test]
    public void Dilations([ValueSource(nameof(s_functions))] string name, [Values(1, 2)] int stride, [Values(0, 1)] int ceil) =>
        new OperatorTester(name, name == "LpPool" ? 18 : 19).Input(TestTensors.Floats(1, 1, 2, 13, 12))
            .Attribute("kernel_shape", new[] { 3, 2 }).Attribute("dilations", new[] { 2, 3 }).Attribute("strides", new[] { stride, stride }).Attribute("pads", new[] { 1, 1, 1, 1 }).Attribute("ceil_mode", ceil).Check();

    [Test]
    public void AverageWithPads([Values(1, 2, 3)] int stride, [Values(0, 1)] int ceil, [Values(1, 2)] int dilation) =>
        new OperatorTester("AveragePool", 19).Input(TestTensors.Floats(1, 1, 2, 10, 9)).Attribute("count_include_pad", 1).Attribute("kernel_shape", new[] { 3, 3 })
            .Attribute("dilations", new[] { dilation, 1 }).Attribute("strides", new[] { stride, stride }).Attribute("pads", new[] { 1, 2, 1, 2 }).Attribute("ceil_mode", ceil).Check();

    [Test]
    public void Indices([Values(0, 1)] int order, [Values(1, 2)] int dilation, [Values(1, 2, 3)] int dimensions)
    {
        long[] shape = [2, 3, .. new long[] { 7, 6, 5 }[..dimensions]];
        new OperatorTester("MaxPool", 12).Input(TestTensors.Floats(1, shape)).Attribute("kernel_shape", Repeat(2, dimensions)).Attribute("pads", Repeat(1, 2 * dimensions))
            .Attribute("dilations", Repeat(dilation, dimensions)).Attribute("storage_order", order).Output(ElementType.Float32).Output(ElementType.Int64).Check();
    }

    [TestCase(ElementType.UInt8)]
    [TestCase(ElementType.Int8)]
    [TestCase(ElementType.Float64)]
    public void OtherTypes(ElementType type) =>
        new OperatorTester("MaxPool", 12).Input(TestTensors.Random(type, 1, type == ElementType.UInt8 ? 0 : -90, 90, 1, 2, 7, 8)).Attribute("kernel_shape", new[] { 3, 3 }).Attribute("pads", new[] { 1, 1, 1, 1 }).Output(type).Check();

    [Test]
    public void HalfPrecision([ValueSource(nameof(s_functions))] string name, [Values(1, 2)] int stride)
    {
        TensorBuffer half = TestTensors.Random(ElementType.Float16, 1, -3, 3, 1, 2, 9, 10);
        OperatorTester Tester(TensorBuffer input) => new OperatorTester(name, 12).Input(input).Attribute("kernel_shape", new[] { 3, 3 }).Attribute("strides", new[] { stride, stride });
        TensorBuffer expected = Tester(TestTensors.FromDoubles(ElementType.Float32, TestTensors.ToDoubles(half), 1, 2, 9, 10)).Run();
        TestTensors.AssertNumbersClose(Tester(half).Output(ElementType.Float16).Run(), TestTensors.ToDoubles(expected), 1e-3, name);
    }

    [Test]
    public void Norms([Values(1, 2, 3)] int p)
    {
        new OperatorTester("LpPool", 11).Input(TestTensors.Floats(1, 1, 2, 7, 8)).Attribute("kernel_shape", new[] { 3, 3 }).Attribute("p", p).Check();
        new OperatorTester("GlobalLpPool", 2).Input(TestTensors.Floats(1, 2, 3, 7, 8)).Attribute("p", p).Check();
    }

    [Test]
    public void Global([Values("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")] string name)
    {
        new OperatorTester(name).Input(TestTensors.Floats(1, 2, 3, 7)).Check();
        new OperatorTester(name).Input(TestTensors.Floats(1, 2, 3, 17, 18)).Check();
        new OperatorTester(name).Input(TestTensors.Floats(1, 1, 2, 3, 4, 5)).Check();
    }

    [Test]
    public void EmptyBatch([ValueSource(nameof(s_functions))] string name) =>
        Assert.That(new OperatorTester(name, 12).Input(TestTensors.Floats(1, 0, 3, 7, 8)).Attribute("kernel_shape", new[] { 2, 2 }).Run().Shape, Is.EqualTo(new Shape(0, 3, 6, 7)));

    // Windows wider than what is joined in one go, and strides that skip more than they take.
    [Test]
    public void WideWindows([ValueSource(nameof(s_functions))] string name, [Values(513, 700)] int kernel, [Values(1, 3, 9, 2000)] int stride) =>
        new OperatorTester(name, 12) { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 1, 2, 3000)).Attribute("kernel_shape", new[] { kernel }).Attribute("strides", new[] { stride }).Attribute("pads", new[] { 300, 512 }).Check(constantsToo: false);

    [Test]
    public void WideRows([ValueSource(nameof(s_functions))] string name, [Values(1, 2, 4, 5, 600)] int stride, [Values(1, 100)] int dilation) =>
        new OperatorTester(name, name == "LpPool" ? 18 : 19).Input(TestTensors.Floats(1, 1, 2, 3, 3001)).Attribute("kernel_shape", new[] { 2, 4 }).Attribute("strides", new[] { 1, stride })
            .Attribute("dilations", new[] { 1, dilation }).Attribute("pads", new[] { 1, 3, 0, 2 }).Check(constantsToo: false);

    [TestCase("MaxPool")]
    [TestCase("AveragePool")]
    [TestCase("LpPool")]
    public void WindowsThatAreFarLargerThanTheInput(string name)
    {
        const int Most = 1 << 20;
        OperatorTester tester = new OperatorTester(name, 18).Input(TestTensors.Floats(1, 1, 2, 3, 4)).Attribute("kernel_shape", new[] { Most, Most }).Attribute("strides", new[] { Most, Most })
            .Attribute("pads", new[] { Most / 2, Most / 2, Most / 2, Most / 2 });
        TensorBuffer output = tester.Run();
        TensorBuffer expected = new OperatorTester("Global" + name, 17).Input(TestTensors.Floats(1, 1, 2, 3, 4)).Run();
        TestTensors.AssertClose(output, expected, 1e-6, name);
    }

    [Test]
    public void NothingButPadding([Values("MaxPool", "AveragePool")] string name)
    {
        TensorBuffer output = new OperatorTester(name, 17).Input(TestTensors.Floats(1, 1, 1, 2)).Attribute("kernel_shape", new[] { 2 }).Attribute("pads", new[] { 2, 2 }).Run();
        Assert.That(output.Span<float>()[0], Is.EqualTo(name == "MaxPool" ? float.NegativeInfinity : 0));
    }

    [Test]
    public void WrongAttributes([ValueSource(nameof(s_functions))] string name)
    {
        OperatorTester Tester() => new OperatorTester(name, 12).Input(TestTensors.Floats(1, 1, 2, 7, 8));
        Tester().Fails<InvalidGraphException>();
        Tester().Attribute("kernel_shape", new[] { 2 }).Fails<InvalidGraphException>();
        Tester().Attribute("kernel_shape", new[] { 0, 2 }).Fails<InvalidGraphException>();
        Tester().Attribute("kernel_shape", new[] { 9, 2 }).Fails<InvalidGraphException>();
        Tester().Attribute("kernel_shape", new[] { 2, 2 }).Attribute("strides", new[] { 0, 1 }).Fails<InvalidGraphException>();
        Tester().Attribute("kernel_shape", new[] { 2, 2 }).Attribute("pads", new[] { 0, 1 }).Fails<InvalidGraphException>();
        Tester().Attribute("kernel_shape", new[] { 2, 2 }).Attribute("pads", new[] { -1, 0, 0, 0 }).Fails<InvalidGraphException>();
        Tester().Attribute("kernel_shape", new[] { 2, 2 }).Attribute("auto_pad", "SAME").Fails<InvalidGraphException>();
    }

    private static int[] Repeat(int value, int count) => [.. Enumerable.Repeat(value, count)];

    // Found by mutated models: tables for windows of images that are not there.
    [Test]
    public void NoImagesOfHugeSize()
    {
        TensorBuffer output = new OperatorTester("AveragePool", 11).Input(TestTensors.Floats(1, 0, 2, 1L << 40)).Attribute("kernel_shape", new[] { 2 }).Run();
        Assert.That(output.Shape, Is.EqualTo(new Shape(0, 2, (1L << 40) - 1)));
    }

    // Small windows of every width of a row and around it, with and without rows of padding.
    [Test]
    public void SmallWindows([Values("MaxPool", "AveragePool")] string name, [Values(1, 2, 3)] int kernel, [Values(1, 2)] int stride, [Values(0, 1)] int pad, [Values(ElementType.Float32, ElementType.UInt8)] ElementType type)
    {
        if (pad >= kernel || (type == ElementType.UInt8 && name != "MaxPool"))
        {
            return;
        }

        for (int width = kernel; width < 90; width += width < 36 ? 1 : 9)
        {
            new OperatorTester(name, 12).Input(TestTensors.Random(type, width, 0, 200, 1, 2, 5, width)).Attribute("kernel_shape", new[] { kernel, kernel }).Attribute("strides", new[] { stride, stride })
                .Attribute("pads", new[] { pad, pad, 0, pad }).Attribute("ceil_mode", width % 2).Output(type).CheckOnce(asConstants: false, threads: 2);
        }
    }

    [Test]
    public void NotANumberInSmallWindows([Values("MaxPool", "AveragePool")] string name, [Values(2, 3)] int kernel, [Values(1, 2)] int stride, [Values(0, 17, 30, 67)] int position)
    {
        TensorBuffer input = TestTensors.Floats(1, 1, 1, 4, 68);
        input.Span<float>()[68 + position] = float.NaN;
        float[] output = new OperatorTester(name, 12).Input(input).Attribute("kernel_shape", new[] { kernel, kernel }).Attribute("strides", new[] { stride, stride }).Run().Span<float>().ToArray();
        int columns = (68 - kernel) / stride + 1;
        for (int i = 0; i < output.Length; i++)
        {
            (int row, int column) = (i / columns * stride, i % columns * stride);
            Assert.That(float.IsNaN(output[i]), Is.EqualTo(row <= 1 && 1 < row + kernel && column <= position && position < column + kernel), $"result {i}");
        }
    }
}
