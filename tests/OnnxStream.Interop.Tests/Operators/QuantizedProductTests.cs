namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Every spelling of products of 8-bit integers, compared with plain loops over integers and with ONNX Runtime. Weights are in files: larger than a kilobyte.</summary>
[NativeMemoryLeakCheck]
public class QuantizedProductTests
{
    private const string Kernel = "xnn quantized";
    private const string Microsoft = "com.microsoft";

    private static readonly string[] s_types = ["uint8 uint8", "uint8 int8", "int8 uint8", "int8 int8"];

    // Rows, inputs, outputs.
    private static readonly int[][] s_shapes = [[1, 40, 64], [17, 33, 70], [100, 300, 257], [3, 1500, 5], [2, 1100, 1]];

    private static readonly float[] s_scales = [0.02f, 0.03f, 0.7f];

    [Test]
    public void RealProducts([ValueSource(nameof(s_types))] string types, [ValueSource(nameof(s_shapes))] int[] shape, [Values("ends", "middle", "none")] string zeros, [Values] bool isPerColumn)
    {
        QuantizedMatrices matrices = new(types, shape, zeros, isPerColumn);
        (TensorBuffer x, TensorBuffer scale, TensorBuffer bias) = (matrices.Data, matrices.WeightScales, TestTensors.Floats(9, shape[2]));
        ModelBuilder model = new ModelBuilder(17, Microsoft).Input("x", x.ElementType, x.Shape.ToArray()).Initializer("w", matrices.Weight).Initializer("xs", TestTensors.Scalar(ElementType.Float32, s_scales[0])).Initializer("ws", scale).Initializer("b", bias);
        matrices.AddZeros(model);
        model.Node(Microsoft, "MatMulIntegerToFloat", zeros == "none" ? "x w xs ws - - b" : "x w xs ws xz wz b", "y").Output("y");
        double[] scales = TestTensors.ToDoubles(scale);
        double[] biases = TestTensors.ToDoubles(bias);
        double[] expected = [.. matrices.Sums().Select((sum, i) => sum * s_scales[0] * scales[isPerColumn ? i % shape[2] : 0] + biases[i % shape[2]])];
        AssertReal(Run(model, x), expected);
        if (types is not ("int8 uint8" or "uint8 int8"))
        {
            // ONNX Runtime lacks the former, and cuts off sums of the latter on processors without VNNI.
            AssertReal(Oracle.Run(model.ToBytes(), new Dictionary<string, TensorBuffer> { ["x"] = x })["y"], expected);
        }
    }

    // Sums above 2^24 are no single-precision numbers.
    [Test]
    public void ExactProducts([ValueSource(nameof(s_types))] string types, [Values(40, 513, 514, 2000, 8200, 20000)] int inputs, [Values("ends", "middle", "none")] string zeros)
    {
        QuantizedMatrices matrices = new(types, [3, inputs, 35], zeros, isPerColumn: true, isExtreme: true);
        ModelBuilder model = new ModelBuilder(17).Input("x", matrices.Data.ElementType, 3, inputs).Initializer("w", matrices.Weight);
        matrices.AddZeros(model);
        model.Node("MatMulInteger", zeros == "none" ? "x w" : "x w xz wz", "y").Output("y", ElementType.Int32);
        Assert.That(Run(model, matrices.Data).Span<int>().ToArray(), Is.EqualTo(matrices.Sums().Select(sum => (int)sum)));
    }

    [Test]
    public void QuantizedProducts([ValueSource(nameof(s_types))] string types, [ValueSource(nameof(s_shapes))] int[] shape, [Values("ends", "middle")] string zeros, [Values] bool isPerColumn)
    {
        QuantizedMatrices matrices = new(types, shape, zeros, isPerColumn);
        float step = Step(matrices.Sums());
        ElementType result = matrices.Data.ElementType;
        ModelBuilder model = new ModelBuilder(21).Input("x", result, matrices.Data.Shape.ToArray()).Initializer("w", matrices.Weight).Initializer("xs", TestTensors.Scalar(ElementType.Float32, s_scales[0])).Initializer("ws", matrices.WeightScales)
            .Initializer("ys", TestTensors.Scalar(ElementType.Float32, step)).Initializer("yz", TestTensors.Scalar(result, 5));
        matrices.AddZeros(model);
        model.Node("QLinearMatMul", "x xs xz w ws wz ys yz", "y").Output("y", result);
        double[] scales = TestTensors.ToDoubles(matrices.WeightScales);
        AssertSteps(Run(model, matrices.Data), [.. matrices.Sums().Select((sum, i) => sum * s_scales[0] * scales[isPerColumn ? i % shape[2] : 0] / step)], 5);
    }

    [Test]
    public void QuantizedGemm([Values(0, 1)] int transA, [Values(0, 1)] int transB, [Values] bool isReal, [Values(null, "70", "1,70")] string? bias, [Values(1f, 0.37f)] float alpha)
    {
        QuantizedMatrices matrices = new("uint8 int8", [17, 33, 70], "middle", isPerColumn: true);
        TensorBuffer x = transA == 0 ? matrices.Data : QuantizedMatrices.Transposed(matrices.Data);
        TensorBuffer biases = TestTensors.Random(ElementType.Int32, 5, -30_000, 30_000, [.. (bias ?? "70").Split(',').Select(long.Parse)]);
        ModelBuilder model = new ModelBuilder(17, Microsoft).Input("x", x.ElementType, x.Shape.ToArray()).Initializer("w", transB == 0 ? matrices.Weight : QuantizedMatrices.Transposed(matrices.Weight)).Initializer("xs", TestTensors.Scalar(ElementType.Float32, s_scales[0])).Initializer("ws", matrices.WeightScales)
            .Initializer("ys", TestTensors.Scalar(ElementType.Float32, s_scales[2])).Initializer("yz", TestTensors.Scalar(ElementType.UInt8, 5)).Initializer("b", biases);
        matrices.AddZeros(model);
        model.Node(Microsoft, "QGemm", $"x xs xz w ws wz {(bias is null ? "-" : "b")}{(isReal ? "" : " ys yz")}", "y", ("transA", transA), ("transB", transB), ("alpha", alpha)).Output("y", isReal ? ElementType.Float32 : ElementType.UInt8);
        double[] scales = TestTensors.ToDoubles(matrices.WeightScales);
        double[] added = TestTensors.ToDoubles(biases);
        double[] real = [.. matrices.Sums().Select((sum, i) => (sum + (bias is null ? 0 : added[i % 70])) * alpha * s_scales[0] * scales[i % 70])];
        if (isReal)
        {
            AssertReal(Run(model, x), real);
        }
        else
        {
            AssertSteps(Run(model, x), [.. real.Select(number => number / s_scales[2])], 5);
        }
    }

    // As ONNX Runtime's tools leave models that are quantized while they run.
    [Test]
    public void DynamicProducts([Values(ElementType.UInt8, ElementType.Int8)] ElementType right, [Values] bool isPerColumn, [Values] bool hasBias, [Values(1, 30)] int rows, [Values] bool isOneNode)
    {
        TensorBuffer x = TestTensors.Floats(1, rows, 300);
        TensorBuffer zero = isPerColumn ? TestTensors.Bytes(right, 4, 70) : TestTensors.Scalar(right, 5);
        ModelBuilder model = new ModelBuilder(17, Microsoft).Input("x", ElementType.Float32, rows, 300).Initializer("w", TestTensors.ByteWeights(right, 2, 300, 70)).Initializer("ws", isPerColumn ? TestTensors.Random(ElementType.Float32, 3, 0.01, 0.05, 70) : TestTensors.Scalar(ElementType.Float32, 0.03))
            .Initializer("wz", zero).Initializer("b", TestTensors.Floats(5, 70));
        if (isOneNode)
        {
            model.Node(Microsoft, "DynamicQuantizeMatMul", hasBias ? "x w ws wz b" : "x w ws wz", "y");
        }
        else
        {
            model.Node("DynamicQuantizeLinear", "x", "q xs xz").Node("MatMulInteger", "q w xz wz", "i").Node("Cast", "i", "f", ("to", (int)ElementType.Float32)).Node("Mul", "xs ws", "s").Node("Mul", "f s", hasBias ? "p" : "y");
            model = hasBias ? model.Node("Add", "b p", "y") : model;
        }

        model.Output("y");
        TestTensors.AssertClose(Run(model, x), Oracle.Run(model.ToBytes(), new Dictionary<string, TensorBuffer> { ["x"] = x }, asWritten: true)["y"], 1e-4, "");
        Assert.That(Kernels(model), Is.EqualTo("dynamic quantize, xnn quantized product"));
    }

    private static readonly QuantizedImages[] s_images =
    [
        new([1, 8, 9, 11], [16, 8, 3, 3]) { Pads = [1, 1, 1, 1] },
        new([2, 5, 12, 7], [35, 5, 3, 2]) { Pads = [2, 0, 1, 3], Strides = [2, 1] },
        new([2, 70, 6, 5], [40, 70, 1, 1]),
        new([1, 16, 15, 16], [20, 16, 3, 3]) { Pads = [2, 2, 2, 2], Dilations = [2, 2], Strides = [1, 3] },
        new([3, 1, 9, 9], [48, 1, 5, 5]) { Pads = [4, 4, 4, 4] },
        new([2, 12, 31], [30, 12, 5]) { Pads = [2, 1], Strides = [2] },
        new([1, 160, 5, 5], [6, 160, 3, 3]) { Pads = [1, 1, 1, 1] },
    ];

    [Test]
    public void ExactConvolutions([ValueSource(nameof(s_images))] QuantizedImages images, [ValueSource(nameof(s_types))] string types, [Values("ends", "middle", "none")] string zeros)
    {
        QuantizedImages given = images.With(types, zeros);
        ModelBuilder model = given.Model(10);
        given.AddZeros(model, isPerChannel: false);
        model.Node("ConvInteger", zeros == "none" ? "x w" : "x w xz wz", "y", given.Attributes).Output("y", ElementType.Int32);
        Assert.That(Run(model, given.Data).Span<int>().ToArray(), Is.EqualTo(given.Sums(isPerChannel: false).Select(sum => (int)sum)));
    }

    [Test]
    public void QuantizedConvolutions([ValueSource(nameof(s_images))] QuantizedImages images, [Values("uint8 int8", "uint8 uint8", "int8 int8")] string types, [Values("ends", "middle")] string zeros, [Values] bool isPerChannel, [Values] bool hasBias)
    {
        QuantizedImages given = images.With(types, zeros);
        ElementType result = given.Data.ElementType;
        int outputs = (int)given.Weight.Shape[0];
        TensorBuffer scales = isPerChannel ? TestTensors.Random(ElementType.Float32, 3, 0.01, 0.05, outputs) : TestTensors.Scalar(ElementType.Float32, 0.03);
        TensorBuffer bias = TestTensors.Random(ElementType.Int32, 5, -30_000, 30_000, outputs);
        float step = Step(given.Sums(isPerChannel));
        ModelBuilder model = given.Model(10).Initializer("xs", TestTensors.Scalar(ElementType.Float32, s_scales[0])).Initializer("ws", scales).Initializer("ys", TestTensors.Scalar(ElementType.Float32, step)).Initializer("yz", TestTensors.Scalar(result, 5)).Initializer("b", bias);
        given.AddZeros(model, isPerChannel);
        model.Node("QLinearConv", $"x xs xz w ws wz ys yz{(hasBias ? " b" : "")}", "y", given.Attributes).Output("y", result);
        (double[] factors, double[] added) = (TestTensors.ToDoubles(scales), TestTensors.ToDoubles(bias));
        double[] sums = given.Sums(isPerChannel);
        int pixels = sums.Length / (int)given.Data.Shape[0] / outputs;
        AssertSteps(Run(model, given.Data), [.. sums.Select((sum, i) => (sum + (hasBias ? added[i / pixels % outputs] : 0)) * s_scales[0] * factors[isPerChannel ? i / pixels % outputs : 0] / step)], 5);
    }

    // With DequantizeLinear and QuantizeLinear around what is computed: with limits or without, a bias as integers, and results that are quantized or not.
    [Test]
    public void ConvolutionsBetweenQuantizations([ValueSource(nameof(s_images))] QuantizedImages images, [Values] bool isPerChannel, [Values("Relu", "Clip", null)] string? activation, [Values] bool isQuantized)
    {
        QuantizedImages given = images.With("uint8 int8", "symmetric");
        int outputs = (int)given.Weight.Shape[0];
        TensorBuffer scales = isPerChannel ? TestTensors.Random(ElementType.Float32, 3, 0.01, 0.05, outputs) : TestTensors.Scalar(ElementType.Float32, 0.03);
        float step = Step(given.Sums(isPerChannel));
        TensorBuffer bias = TestTensors.Random(ElementType.Float32, 5, -20 * step, 20 * step, outputs);
        ModelBuilder model = given.Model(13).Initializer("xs", TestTensors.Scalar(ElementType.Float32, s_scales[0])).Initializer("ws", scales).Initializer("ys", TestTensors.Scalar(ElementType.Float32, step)).Initializer("yz", TestTensors.Scalar(ElementType.UInt8, 50)).Initializer("b", bias)
            .Initializer("low", TestTensors.Scalar(ElementType.Float32, -9 * step)).Initializer("high", TestTensors.Scalar(ElementType.Float32, 30 * step));
        given.AddZeros(model, isPerChannel);
        model.Node("DequantizeLinear", "x xs xz", "xf").Node("DequantizeLinear", "w ws wz", "wf", ("axis", 0)).Node("Conv", "xf wf b", "c", given.Attributes);
        model = activation is null ? model : model.Node(activation, activation == "Relu" ? "c" : "c low high", "a");
        string real = activation is null ? "c" : "a";
        _ = isQuantized ? model.Node("QuantizeLinear", $"{real} ys yz", "y").Output("y", ElementType.UInt8) : model.Node("Identity", real, "y").Output("y");
        (double[] factors, double[] added) = (TestTensors.ToDoubles(scales), TestTensors.ToDoubles(bias));
        double[] sums = given.Sums(isPerChannel);
        int pixels = sums.Length / (int)given.Data.Shape[0] / outputs;
        double[] expected = [.. sums.Select((sum, i) => Limit(sum * s_scales[0] * factors[isPerChannel ? i / pixels % outputs : 0] + added[i / pixels % outputs]))];
        if (isQuantized)
        {
            AssertSteps(Run(model, given.Data), [.. expected.Select(number => number / step)], 50);
        }
        else
        {
            AssertReal(Run(model, given.Data), expected);
        }

        double Limit(double number) => activation switch
        {
            "Relu" => Math.Max(number, 0),
            "Clip" => Math.Clamp(number, -9 * step, 30 * step),
            _ => number,
        };
    }

    [Test]
    public void ProductsBetweenQuantizations([Values("MatMul", "Gemm", "Gemm B", "Transpose")] string form, [Values] bool isPerColumn, [Values] bool isQuantized, [Values] bool hasBias)
    {
        QuantizedMatrices matrices = new("uint8 int8", [17, 150, 70], "symmetric", isPerColumn);
        bool isTransposed = form is "Gemm B" or "Transpose";
        TensorBuffer bias = TestTensors.Floats(9, 70);
        ModelBuilder model = new ModelBuilder(13).Input("x", ElementType.UInt8, 17, 150).Initializer("w", isTransposed ? QuantizedMatrices.Transposed(matrices.Weight) : matrices.Weight).Initializer("xs", TestTensors.Scalar(ElementType.Float32, s_scales[0])).Initializer("ws", matrices.WeightScales)
            .Initializer("ys", TestTensors.Scalar(ElementType.Float32, 1.3)).Initializer("yz", TestTensors.Scalar(ElementType.Int8, -5)).Initializer("b", bias);
        matrices.AddZeros(model);
        model.Node("DequantizeLinear", "x xs xz", "xf").Node("DequantizeLinear", "w ws wz", "wf", ("axis", isTransposed ? 0 : 1));
        model = form == "Transpose" ? model.Node("Transpose", "wf", "wt", ("perm", new[] { 1, 0 })) : model;
        bool isGemm = form.StartsWith("Gemm", StringComparison.Ordinal);
        model = isGemm ? model.Node("Gemm", hasBias ? "xf wf b" : "xf wf", "p", ("transB", form == "Gemm B" ? 1 : 0)) : model.Node("MatMul", form == "Transpose" ? "xf wt" : "xf wf", hasBias ? "p0" : "p");
        model = hasBias && !isGemm ? model.Node("Add", "p0 b", "p") : model;
        _ = isQuantized ? model.Node("QuantizeLinear", "p ys yz", "y").Output("y", ElementType.Int8) : model.Node("Identity", "p", "y").Output("y");
        (double[] factors, double[] added) = (TestTensors.ToDoubles(matrices.WeightScales), TestTensors.ToDoubles(bias));
        double[] expected = [.. matrices.Sums().Select((sum, i) => sum * s_scales[0] * factors[isPerColumn ? i % 70 : 0] + (hasBias ? added[i % 70] : 0))];
        if (isQuantized)
        {
            AssertSteps(Run(model, matrices.Data), [.. expected.Select(number => number / 1.3f)], -5);
        }
        else
        {
            AssertReal(Run(model, matrices.Data), expected);
        }
    }

    // Rows of a weight as large as this are copied from the file in pieces.
    [Test]
    public void LargeWeight()
    {
        QuantizedMatrices matrices = new("uint8 uint8", [2, 3200, 3300], "middle", isPerColumn: false);
        ModelBuilder model = new ModelBuilder(17).Input("x", ElementType.UInt8, 2, 3200).Initializer("w", matrices.Weight);
        matrices.AddZeros(model);
        model.Node("MatMulInteger", "x w xz wz", "y").Output("y", ElementType.Int32);
        Assert.That(Run(model, matrices.Data).Span<int>().ToArray(), Is.EqualTo(matrices.Sums().Select(sum => (int)sum)));
    }

    // Images that are computed in strips: padded above and below, strided and dilated, several of them, with a last strip that is no whole one.
    private static readonly QuantizedImages[] s_largeImages =
    [
        new([2, 2, 75, 121], [64, 2, 3, 3]) { Pads = [1, 1, 1, 1] },
        new([3, 2, 151, 161], [50, 2, 5, 3]) { Pads = [5, 0, 3, 2], Strides = [2, 1], Dilations = [2, 1] },
    ];

    [Test]
    public void LargeImages([ValueSource(nameof(s_largeImages))] QuantizedImages images, [Values("uint8 int8", "int8 uint8")] string types) => QuantizedConvolutions(images, types is "uint8 int8" ? types : "int8 int8", "middle", isPerChannel: true, hasBias: true);

    [Test]
    public void LargeExactImages([ValueSource(nameof(s_largeImages))] QuantizedImages images, [Values("uint8 int8", "int8 uint8")] string types) => ExactConvolutions(images, types, "ends");

    // Sums that are divided into digits, and results in single precision, which take no memory of their own.
    [Test]
    public void LargeImagesOfManyChannels()
    {
        QuantizedImages images = new([1, 70, 190, 330], [3, 70, 5, 4]) { Pads = [2, 1, 2, 1], Strides = [3, 4] };
        ExactConvolutions(images, "uint8 int8", "ends");
        ConvolutionsBetweenQuantizations(images, isPerChannel: true, "Relu", isQuantized: false);
    }

    // A matrix whose bytes without a sign are written anew in strips of rows.
    [Test]
    public void LargeData([Values("uint8 int8", "uint8 uint8")] string types)
    {
        QuantizedMatrices matrices = new(types, [5003, 900, 3], "middle", isPerColumn: true);
        float step = Step(matrices.Sums());
        ModelBuilder model = new ModelBuilder(21, Microsoft).Input("x", ElementType.UInt8, 5003, 900).Initializer("w", matrices.Weight).Initializer("xs", TestTensors.Scalar(ElementType.Float32, s_scales[0])).Initializer("ws", matrices.WeightScales)
            .Initializer("ys", TestTensors.Scalar(ElementType.Float32, step)).Initializer("yz", TestTensors.Scalar(ElementType.UInt8, 5));
        matrices.AddZeros(model);
        model.Node("QLinearMatMul", "x xs xz w ws wz ys yz", "y").Output("y", ElementType.UInt8);
        double[] scales = TestTensors.ToDoubles(matrices.WeightScales);
        AssertSteps(Run(model, matrices.Data), [.. matrices.Sums().Select((sum, i) => sum * s_scales[0] * scales[i % 3] / step)], 5);
    }

    // What an image needs beside itself does not grow with its height.
    [Test]
    public void StripsTakeLittleMemory()
    {
        long[] bytes = [.. new[] { 256, 1024 }.Select(height =>
        {
            QuantizedImages given = new QuantizedImages([1, 32, height, 128], [64, 32, 3, 3]) { Pads = [1, 1, 1, 1] }.With("uint8 int8", "symmetric");
            ModelBuilder model = given.Model(13).Initializer("s", TestTensors.Scalar(ElementType.Float32, 0.01));
            given.AddZeros(model, isPerChannel: false);
            model.Node("QLinearConv", "x s xz w s wz s xz", "y", given.Attributes).Output("y", ElementType.UInt8);
            using TemporaryFolder folder = new();
            using InferenceSession session = new(folder.Write("model.onnx", model.ToBytes()), new SessionOptions { ThreadCount = 1, PlanOnly = true });
            long images = (32 + 64) * height * 128;
            return session.Plan().PeakBytes - 2 * images;
        })];
        Assert.That(bytes[1], Is.LessThan(bytes[0] + (1 << 20)).And.LessThan(8 << 20));
    }

    [Test]
    public void NoRows()
    {
        ModelBuilder model = new ModelBuilder(17, Microsoft).Input("x", ElementType.UInt8, 0, 40).Initializer("w", TestTensors.Bytes(ElementType.Int8, 2, 40, 64)).Initializer("s", TestTensors.Scalar(ElementType.Float32, 0.1)).Node("MatMulInteger", "x w", "y").Output("y", ElementType.Int32)
            .Node(Microsoft, "MatMulIntegerToFloat", "x w s s", "z").Output("z");
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model.ToBytes()));
        RunResult result = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = new(ElementType.UInt8, new Shape(0, 40)) });
        Assert.That((result["y"].Shape, result["z"].Shape), Is.EqualTo((new Shape(0, 64), new Shape(0, 64))));
    }

    // The range of data with a NaN is no range: every result is NaN, as the specification's arithmetic gives it.
    [Test]
    public void NaNInData([Values(ElementType.UInt8, ElementType.Int8)] ElementType right)
    {
        TensorBuffer x = TestTensors.Floats(1, 3, 300);
        x.Span<float>()[301] = float.NaN;
        ModelBuilder model = new ModelBuilder(17, Microsoft).Input("x", ElementType.Float32, 3, 300).Initializer("w", TestTensors.Bytes(right, 2, 300, 70)).Initializer("ws", TestTensors.Scalar(ElementType.Float32, 0.03))
            .Node(Microsoft, "DynamicQuantizeMatMul", "x w ws", "y").Output("y");
        Assert.That(Run(model, x).Span<float>().ToArray(), Is.All.NaN);
    }

    // Scales that no quantizer writes: the arithmetic is the specification's all the same.
    [TestCase(-0.5f)]
    [TestCase(0f)]
    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    [TestCase(1e-41f)]
    public void StrangeScales(float scale)
    {
        QuantizedMatrices matrices = new("uint8 int8", [3, 40, 64], "middle", isPerColumn: false);
        ModelBuilder model = new ModelBuilder(17, Microsoft).Input("x", ElementType.UInt8, 3, 40).Initializer("w", matrices.Weight).Initializer("s", TestTensors.Scalar(ElementType.Float32, 1)).Initializer("ws", TestTensors.Scalar(ElementType.Float32, scale));
        matrices.AddZeros(model);
        model.Node(Microsoft, "MatMulIntegerToFloat", "x w s ws xz wz", "y").Output("y");
        Assert.That(Run(model, matrices.Data).Span<float>().ToArray(), Is.EqualTo(matrices.Sums().Select(sum => (float)sum * scale)));
    }

    [Test]
    public void SmallestBudget([Values] bool hasStore)
    {
        QuantizedImages given = new QuantizedImages([1, 64, 20, 20], [96, 64, 3, 3]) { Pads = [1, 1, 1, 1] }.With("uint8 int8", "middle");
        ModelBuilder model = given.Model(13).Initializer("s", TestTensors.Scalar(ElementType.Float32, 0.01));
        given.AddZeros(model, isPerChannel: false);
        model.Node("DequantizeLinear", "x s xz", "xf").Node("DequantizeLinear", "w s wz", "wf").Node("Conv", "xf wf", "c", given.Attributes).Node("QuantizeLinear", "c s xz", "y").Output("y", ElementType.UInt8);
        TensorBuffer expected = Run(model, given.Data);
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model.ToBytes());
        SessionOptions options = new() { ThreadCount = 2, PanelStore = hasStore ? PanelStoreOptions.File(folder["panels"]) : PanelStoreOptions.Off };
        long smallest;
        using (InferenceSession session = new(path, options))
        {
            smallest = session.Plan().SmallestBudgetBytes;
        }

        using InferenceSession small = new(path, options with { MemoryBudget = smallest });
        TensorBuffer actual = small.Run(new Dictionary<string, TensorBuffer> { ["x"] = given.Data })["y"];
        Assert.That(actual.Bytes.SequenceEqual(expected.Bytes), Is.True);
        Assert.That(small.Plan().PeakBytes, Is.LessThanOrEqualTo(smallest));
    }

    // So that results are spread over the steps.
    private static float Step(double[] sums) => (float)(sums.Max(Math.Abs) * s_scales[0] * s_scales[1] / 90);

    private static string Kernels(ModelBuilder model)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model.ToBytes()), new SessionOptions { PlanOnly = true });
        return string.Join(", ", session.Plan().Steps.Select(step => step.KernelName));
    }

    // With one thread and three, from a store and without one.
    private static TensorBuffer Run(ModelBuilder model, TensorBuffer x)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model.ToBytes());
        TensorBuffer? first = null;
        foreach ((int threads, PanelStoreOptions store) in new[] { (1, PanelStoreOptions.Off), (3, PanelStoreOptions.Off), (2, PanelStoreOptions.File(folder["panels"])) })
        {
            using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, PanelStore = store, KeptPanelBytes = threads == 1 ? 0 : 1 << 24 });
            Assert.That(session.Plan().Steps.Select(step => step.KernelName), Has.Some.StartsWith(Kernel));
            for (int run = 0; run < 2; run++)
            {
                TensorBuffer y = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = x })["y"];
                first ??= y;
                Assert.That(y.Bytes.SequenceEqual(first.Bytes), Is.True, $"{threads} threads, run {run}");
            }
        }

        return first!;
    }

    private static void AssertReal(TensorBuffer actual, double[] expected)
    {
        double largest = expected.Max(Math.Abs);
        float[] numbers = actual.Span<float>().ToArray();
        Assert.That(numbers, Has.Length.EqualTo(expected.Length));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(numbers[i], Is.EqualTo(expected[i]).Within(1e-6 * largest), $"element {i}");
        }
    }

    // Rounded to even; single precision may decide otherwise where a number is as good as between two steps.
    private static void AssertSteps(TensorBuffer actual, double[] expected, int zero)
    {
        double[] numbers = TestTensors.ToDoubles(actual);
        (double least, double most) = actual.ElementType == ElementType.UInt8 ? (0, 255) : (-128, 127);
        Assert.That(numbers, Has.Length.EqualTo(expected.Length));
        Assert.That(numbers.Distinct().Count(), Is.GreaterThan(Math.Min(10, numbers.Length / 4)));
        for (int i = 0; i < expected.Length; i++)
        {
            double low = Math.Clamp(Math.Round(expected[i] - 1e-4) + zero, least, most);
            double high = Math.Clamp(Math.Round(expected[i] + 1e-4) + zero, least, most);
            Assert.That(numbers[i], Is.InRange(low, high), $"element {i}");
        }
    }
}
