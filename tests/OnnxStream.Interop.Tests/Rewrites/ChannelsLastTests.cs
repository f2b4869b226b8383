using CsCheck;

namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class ChannelsLastTests
{
    private static PassTester Start(params long[] shape) => new PassTester { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, shape));

    private static PassTester Conv(PassTester tester, string x, string y, long inputs, long outputs, int kernel = 3, bool bias = true, int stride = 1)
    {
        tester.Constant(y + "_w", Weights(y.Sum(letter => letter), outputs, inputs, kernel));
        if (bias)
        {
            tester.Constant(y + "_b", TestTensors.Random(ElementType.Float32, 5, -1, 1, outputs));
        }

        return tester.Node("Conv", $"{x} {y}_w" + (bias ? $" {y}_b" : ""), y, ("pads", new[] { kernel / 2, kernel / 2, kernel / 2, kernel / 2 }), ("strides", new[] { stride, stride }));
    }

    private static TensorBuffer Weights(int seed, long outputs, long inputs, int kernel)
    {
        double size = Math.Sqrt(3.0 / (inputs * kernel * kernel));
        return TestTensors.Random(ElementType.Float32, seed, -size, size, outputs, inputs, kernel, kernel);
    }

    private static PassTester Resize(PassTester tester, string x, string y, string mode = "nearest") =>
        tester.Constant(y + "_scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4)).Node("Resize", $"{x} - {y}_scales", y, ("mode", mode), ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"));

    [Test]
    public void OneConvolution() => Conv(Start(2, 5, 7, 9), "x", "y", 5, 6).Output("y").Becomes("2 Transpose, 1 onnxstream.Conv").Check();

    [Test]
    public void Chain() =>
        Conv(Conv(Start(2, 5, 7, 9), "x", "a", 5, 12).Node("Relu", "a", "b").Node("Sigmoid", "b", "c"), "c", "y", 12, 3).Output("y").Becomes("1 Sigmoid, 2 Transpose, 2 onnxstream.Conv").Check();

    [Test]
    public void ResidualBlock() =>
        Conv(Conv(Start(2, 5, 7, 9), "x", "a", 5, 5).Node("Relu", "a", "b"), "b", "c", 5, 5).Node("Add", "c x", "y").Output("y").Becomes("1 Add, 2 Transpose, 2 onnxstream.Conv").Check();

    [Test]
    public void OutputInTheMiddle() =>
        Conv(Conv(Start(2, 5, 7, 9), "x", "a", 5, 12).Node("Relu", "a", "b"), "b", "y", 12, 3).Output("a").Output("b").Output("y").Becomes("1 Relu, 4 Transpose, 2 onnxstream.Conv").Check();

    [Test]
    public void ReadAsItIsInTheMiddle() =>
        Conv(Conv(Start(2, 5, 7, 9), "x", "a", 5, 12), "a", "y", 12, 3).Node("ReduceMean", "a", "m", ("axes", new[] { 1 })).Output("m").Output("y").Becomes("1 ReduceMean, 3 Transpose, 2 onnxstream.Conv").Check();

    [Test]
    public void Mixture() =>
        Conv(
            Resize(
                Conv(Conv(Start(2, 5, 4, 6), "x", "a", 5, 8), "x", "b", 5, 8).Node("Add", "a b", "c").Node("Concat", "c a b", "d", ("axis", 1)), "d", "e"),
            "e", "y", 24, 7).Output("y").Output("c").Becomes("1 Add, 1 Concat, 1 Resize, 3 Transpose, 3 onnxstream.Conv").Check();

    [Test]
    public void ConcatWithNegativeAxis() => Conv(Conv(Start(2, 5, 4, 6), "x", "a", 5, 8).Node("Concat", "a a", "d", ("axis", -3)), "d", "y", 16, 3).Output("y").Becomes("1 Concat, 2 Transpose, 2 onnxstream.Conv").Check();

    [TestCase(0)]
    [TestCase(2)]
    [TestCase(-1)]
    public void ConcatOnAnotherAxis(int axis) => Conv(Conv(Start(2, 5, 4, 6), "x", "a", 5, 8).Node("Concat", "a a", "d", ("axis", axis)), "d", "y", 8, 3).Output("y").Has(4, "Transpose").Check();

    [Test]
    public void ConcatWithAnImageThatIsChannelsFirst() =>
        Conv(Conv(Start(2, 5, 4, 6).Input("z", TestTensors.Floats(7, 2, 3, 4, 6)), "x", "a", 5, 8).Node("Concat", "a z", "d", ("axis", 1)), "d", "y", 11, 3).Output("y").Check();

    [TestCase(2, 8, 1, 1)]
    [TestCase(1, 8, 1, 1)]
    [TestCase(8, 1, 1)]
    [TestCase(1, 1, 1)]
    [TestCase(1)]
    [TestCase(2, 8, 4, 6)]
    [TestCase(2, 1, 4, 6)]
    [TestCase(1, 1, 4, 6)]
    [TestCase(2, 1, 1, 1)]
    [TestCase(4, 6)]
    [TestCase(6)]
    [TestCase(8, 4, 6)]
    [TestCase(4, 1)]
    [TestCase(8, 1, 6)]
    public void BinaryOperands(params long[] shape)
    {
        foreach (string operatorType in new[] { "Add", "Sub", "Mul", "Div" })
        {
            foreach (bool constant in new[] { false, true })
            {
                foreach (bool swap in new[] { false, true })
                {
                    Conv(
                        Conv(Start(2, 5, 4, 6).Input("z", TestTensors.Random(ElementType.Float32, 8, 1, 2, shape), constant), "x", "a", 5, 8).Scalar("three", 3).Node("Tanh", "a", "t").Node("Add", "t three", "p")
                            .Node(operatorType, swap ? "z p" : "p z", "d"),
                        "d", "y", 8, 3).Output("y").Has(2, "onnxstream.Conv").Check();
                }
            }
        }
    }

    // A residual block's time embedding: a vector for each image, made of a matrix product.
    [Test]
    public void VectorOfChannels() =>
        Conv(
            Conv(Start(2, 5, 4, 6).Input("t", TestTensors.Floats(3, 2, 10)).Constant("tw", Weights(4, 10, 8, 1)).Integers("ws", 10, 8).Node("Reshape", "tw ws", "tw2").Integers("axes", 2, 3), "x", "a", 5, 8)
                .Node("MatMul", "t tw2", "v").Node("Unsqueeze", "v axes", "u").Node("Add", "a u", "d"),
            "d", "y", 8, 3).Output("y").Has(2, "Transpose").Check();

    // The image is made larger by the other operand.
    [Test]
    public void OperandThatBroadcastsTheImage() =>
        Conv(Conv(Start(1, 5, 4, 6).Input("z", TestTensors.Floats(7, 3, 8, 1, 1)), "x", "a", 5, 8).Node("Add", "a z", "d"), "d", "y", 8, 3).Output("y").Check();

    [Test]
    public void OperandOfFiveDimensions() =>
        Conv(Start(2, 5, 4, 6).Input("z", TestTensors.Floats(7, 3, 1, 1, 1, 1)), "x", "a", 5, 8).Node("Add", "a z", "y").Output("y").Check();

    [TestCase("nearest")]
    [TestCase("linear")]
    [TestCase("cubic")]
    public void ResizeByScales(string mode) => Resize(Conv(Start(2, 5, 4, 6), "x", "a", 5, 8), "a", "y", mode).Output("y").Becomes("1 Resize, 2 Transpose, 1 onnxstream.Conv").Check();

    // Where positions are rounded alike, XNNPACK interpolates; elsewhere it does not.
    [Test]
    public void LinearResize(
        [Values("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")] string coordinates, [Values(0.25f, 0.5f, 1f, 1.3f, 2f, 3f, 4f)] float height, [Values(1f, 2f, 0.6f)] float width,
        [Values(1, 2, 7, 40)] int channels)
    {
        PassTester tester = Conv(new PassTester(19) { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 3, 8, 21)), "x", "a", 3, channels, kernel: 1);
        tester.Constant("scales", TensorBuffer.Create<float>([1, 1, height, width], 4)).Node("Resize", "a - scales", "y", ("mode", "linear"), ("coordinate_transformation_mode", coordinates)).Output("y").Check(channels % 3 + 1);
    }

    [TestCase("nearest", 11)]
    [TestCase("linear", 13)]
    [TestCase("cubic", 18)]
    public void ResizeBySizes(string mode, int operatorSet)
    {
        PassTester tester = new PassTester(operatorSet) { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 5, 4, 6));
        Conv(tester, "x", "a", 5, 8).Constant("scales", TensorBuffer.Create<float>([], 0)).Constant("roi", TensorBuffer.Create<float>([], 0)).Integers("sizes", 2, 8, 9, 7)
            .Node("Resize", operatorSet == 11 ? "a roi scales sizes" : "a - - sizes", "y", ("mode", mode)).Output("y").Becomes("1 Resize, 2 Transpose, 1 onnxstream.Conv").Check();
    }

    [Test]
    public void ResizeOfSomeAxes()
    {
        PassTester tester = new PassTester(18) { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 5, 4, 6));
        Conv(tester, "x", "a", 5, 8).Integers("sizes", 9, 7).Node("Resize", "a - - sizes", "y", ("mode", "linear"), ("axes", new[] { 2, 3 })).Output("y").Check();
    }

    [Test]
    public void BatchNormalizationBetween([Values(9, 13, 15)] int operatorSet, [Values(1, 7, 8, 37)] int channels, [Values(1, 3)] int threads)
    {
        PassTester tester = Conv(new PassTester(operatorSet) { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 5, 41, 51)), "x", "a", 5, channels).Constant("s", TestTensors.Floats(2, channels)).Constant("b", TestTensors.Floats(3, channels))
            .Constant("m", TestTensors.Floats(4, channels)).Constant("v", TestTensors.Random(ElementType.Float32, 5, 0.1, 2, channels)).Node("BatchNormalization", "a s b m v", "n", ("epsilon", 1e-3f)).Node("Relu", "n", "r");
        Conv(tester, "r", "y", channels, 3).Output("y").Output("n").Has(1, "onnxstream.BatchNormalization").Check(threads);
    }

    [Test]
    public void BatchNormalizationOfAnEmptyBatch() =>
        Conv(Start(0, 5, 7, 9), "x", "a", 5, 8).Constant("p", TestTensors.Random(ElementType.Float32, 5, 0.1, 2, 8)).Node("BatchNormalization", "a p p p p", "y").Output("y").Check();

    [Test]
    public void PoolingBetween([Values("MaxPool", "AveragePool")] string operatorType)
    {
        PassTester tester = Conv(Start(2, 5, 9, 11), "x", "a", 5, 7).Node(operatorType, "a", "b", ("kernel_shape", new[] { 3, 2 }), ("strides", new[] { 2, 1 }), ("pads", new[] { 1, 0, 1, 1 }));
        Conv(tester, "b", "y", 7, 3).Output("y").Has(2, "Transpose").Has(1, $"onnxstream.{operatorType}").Check();
    }

    [Test]
    public void PadBetween([Values("constant", "reflect", "edge")] string mode, [Values(10, 13, 18)] int operatorSet)
    {
        long[] pads = mode == "constant" ? [0, 1, 2, 0, 1, 0, -1, 3] : [0, 0, 2, 1, 0, 0, 1, 3];
        PassTester tester = Conv(new PassTester(operatorSet) { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 5, 9, 11)), "x", "a", 5, 7);
        _ = operatorSet == 10 ? tester.Node("Pad", "a", "b", ("mode", mode), ("pads", pads), ("value", 2f)) : tester.Integers("pads", pads).Scalar("value", 2).Node("Pad", "a pads value", "b", ("mode", mode));
        Conv(tester, "b", "y", mode == "constant" ? 8 : 7, 3).Output("y").Becomes("1 Pad, 2 Transpose, 2 onnxstream.Conv").Check();
    }

    [Test]
    public void PadOfSomeAxesStays()
    {
        PassTester tester = Conv(new PassTester(18) { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 5, 9, 11)), "x", "a", 5, 7).Integers("pads", 1, 2).Integers("axes", 3).Node("Pad", "a pads - axes", "b");
        Conv(tester, "b", "y", 7, 3).Output("y").Becomes("1 Pad, 4 Transpose, 2 onnxstream.Conv").Check();
    }

    // Neither the operator that follows no convolution nor the one with indices is rewritten.
    [Test]
    public void PoolingThatStays() =>
        Conv(Start(2, 5, 9, 11).Node("MaxPool", "x", "p", ("kernel_shape", new[] { 2, 2 })), "p", "a", 5, 7).Node("MaxPool", "a", "y i", ("kernel_shape", new[] { 2, 2 })).Output("y").Output("i", ElementType.Int64)
            .Becomes("2 MaxPool, 2 Transpose, 1 onnxstream.Conv").Check();

    [Test]
    public void GlobalPooling([Values("GlobalMaxPool", "GlobalAveragePool")] string operatorType, [Values(1, 3)] int threads)
    {
        PassTester tester = Conv(Start(2, 5, 9, 11), "x", "a", 5, 37).Node(operatorType, "a", "b");
        Conv(tester, "b", "y", 37, 3, kernel: 1).Output("y").Output("b").Has(1, operatorType == "GlobalMaxPool" ? "ReduceMax" : "ReduceMean").Check(threads);
    }

    [Test]
    public void ReductionOverSpace([Values("ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum")] string operatorType, [Values(0, 1)] int keepDimensions, [Values] bool inOrder, [Values(13, 18)] int operatorSet)
    {
        PassTester tester = Conv(new PassTester(operatorSet) { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 5, 9, 11)), "x", "a", 5, 37);
        long[] axes = inOrder ? [2, 3] : [-1, -2];
        _ = operatorSet == 18 || operatorType == "ReduceSum"
            ? tester.Integers("axes", axes).Node(operatorType, "a axes", "y", ("keepdims", keepDimensions))
            : tester.Node(operatorType, "a", "y", ("axes", axes), ("keepdims", keepDimensions));
        tester.Output("y").Has(keepDimensions == 0 ? 1 : 2, "Transpose").Check();
    }

    [TestCase(1, 2)]
    [TestCase(1, 3)]
    [TestCase(2)]
    [TestCase(0, 2, 3)]
    [TestCase(1, 2, 3)]
    public void ReductionOverOthers(params long[] axes) =>
        Conv(Start(2, 5, 9, 11), "x", "a", 5, 7).Node("ReduceMean", "a", "y", ("axes", axes)).Output("y").Becomes("1 ReduceMean, 2 Transpose, 1 onnxstream.Conv").Check();

    // All that attributes of poolings can say, where XNNPACK pools and where it does not.
    [Test]
    public void RandomPoolings() =>
        Gen.Int[0, int.MaxValue].Sample(
            seed =>
            {
                Random random = new(seed);
                long channels = random.Next(3) == 0 ? random.Next(1, 80) : random.Next(1, 12);
                int[] kernel = [random.Next(1, 6), random.Next(1, 6)];
                int[] strides = [random.Next(1, 5), random.Next(1, 5)];
                int[] dilations = random.Next(4) == 0 ? [random.Next(1, 4), random.Next(1, 4)] : [1, 1];

                // ONNX Runtime wants pads that are smaller than the kernel.
                int[] pads = random.Next(3) == 0 ? [0, 0, 0, 0] : [random.Next(kernel[0]), random.Next(kernel[1]), random.Next(kernel[0]), random.Next(kernel[1])];
                long height = random.Next(1, 20) + (kernel[0] - 1) * dilations[0];
                long width = random.Next(1, 20) + (kernel[1] - 1) * dilations[1];
                List<(string, object)> attributes = [("kernel_shape", kernel), ("strides", strides), ("dilations", dilations), ("pads", pads), ("ceil_mode", random.Next(2))];
                string operatorType = random.Next(2) == 0 ? "MaxPool" : "AveragePool";
                if (operatorType == "AveragePool")
                {
                    attributes.Add(("count_include_pad", random.Next(2)));
                }

                PassTester tester = Conv(new PassTester(19) { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(seed, random.Next(1, 4), 3, height, width)), "x", "a", 3, channels, kernel: 1);
                tester.Node(operatorType, "a", "y", [.. attributes]).Output("y").Has(1, $"onnxstream.{operatorType}").Check(random.Next(1, 4));
            },
            iter: 300, threads: 1);

    [Test]
    public void ClipWithLimits() => Conv(Conv(Start(2, 5, 4, 6).Scalar("low", -0.5f).Scalar("high", 0.5f), "x", "a", 5, 8).Node("Clip", "a low high", "b"), "b", "y", 8, 3).Output("y").Becomes("2 Transpose, 2 onnxstream.Conv").Check();

    [Test]
    public void Unary([Values("Ceil", "Cos", "Elu", "Erf", "Exp", "Floor", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Round", "Selu", "Sigmoid", "Sin", "Softplus", "Softsign", "Tanh", "ThresholdedRelu")] string operatorType)
    {
        PassTester tester = new PassTester(22) { Tolerance = 1e-4 }.Input("x", TestTensors.Floats(1, 2, 5, 4, 6));
        Conv(tester, "x", "a", 5, 8).Node(operatorType, "a", "y").Output("y").Becomes(string.Join(", ", new[] { $"1 {operatorType}", "2 Transpose" }.OrderBy(text => text[2..], StringComparer.Ordinal)) + ", 1 onnxstream.Conv").Check();
    }

    // Softmax over channels is not element by element.
    [Test]
    public void SoftmaxOverChannels() => Conv(Conv(Start(2, 5, 4, 6), "x", "a", 5, 8).Node("Softmax", "a", "b", ("axis", 1)), "b", "y", 8, 3).Output("y").Has(4, "Transpose").Check();

    [Test]
    public void TokensOfAnImage()
    {
        PassTester tester = Conv(Start(2, 5, 4, 6), "x", "a", 5, 8).Node("Transpose", "a", "t", ("perm", new[] { 0, 2, 3, 1 })).Integers("tokens", 2, 24, 8).Node("Reshape", "t tokens", "u").Node("Softmax", "u", "s", ("axis", -1))
            .Integers("image", 2, 4, 6, 8).Node("Reshape", "s image", "i").Node("Transpose", "i", "b", ("perm", new[] { 0, 3, 1, 2 }));
        Conv(tester, "b", "y", 8, 3).Output("y").Has(2, "Transpose").Has(2, "onnxstream.Conv").Check();
    }

    [Test]
    public void TokensOfFlattenedChannels()
    {
        PassTester tester = Conv(Start(2, 5, 4, 6), "x", "a", 5, 8).Integers("flat", 2, 8, 24).Node("Reshape", "a flat", "f").Node("Transpose", "f", "u", ("perm", new[] { 0, 2, 1 })).Node("Softmax", "u", "s", ("axis", -1))
            .Node("Transpose", "s", "g", ("perm", new[] { 0, 2, 1 })).Integers("image", 2, 8, 4, 6).Node("Reshape", "g image", "b");
        Conv(tester, "b", "y", 8, 3).Output("y").Has(2, "Transpose").Has(2, "onnxstream.Conv").Check();
    }

    // The same Reshapes with other meanings: rows and columns change places, or channels are cut.
    [TestCase(2, 4, 12)]
    [TestCase(2, 16, 12)]
    [TestCase(2, 24, 8)]
    [TestCase(2, 6, 32)]
    public void OtherTokens(params long[] flat)
    {
        PassTester tester = Conv(Start(2, 5, 4, 6), "x", "a", 5, 8).Integers("flat", flat).Node("Reshape", "a flat", "f").Node("Transpose", "f", "u", ("perm", new[] { 0, 2, 1 })).Node("Softmax", "u", "s", ("axis", -1))
            .Node("Transpose", "s", "g", ("perm", new[] { 0, 2, 1 })).Integers("image", 2, 8, 4, 6).Node("Reshape", "g image", "b");
        if (flat[1] * flat[2] == 192)
        {
            Conv(tester, "b", "y", 8, 3).Output("y").Check();
        }
    }

    [TestCase(0, 2, 3, 1)]
    [TestCase(0, 3, 1, 2)]
    [TestCase(0, 3, 2, 1)]
    [TestCase(3, 1, 2, 0)]
    public void TransposesBetween(params int[] permutation)
    {
        long[] shape = [2, 6, 6, 6];
        PassTester tester = Conv(Start(shape), "x", "a", 6, 6).Node("Transpose", "a", "b", ("perm", permutation));
        if (permutation[0] == 0)
        {
            Conv(tester, "b", "y", 6, 3).Output("y").Output("b").Check();
        }
        else
        {
            tester.Output("b").Check();
        }
    }

    [Test]
    public void TransposesThere() =>
        Conv(Start(2, 4, 6, 5).Node("Transpose", "x", "a", ("perm", new[] { 0, 3, 1, 2 })), "a", "b", 5, 8).Node("Transpose", "b", "y", ("perm", new[] { 0, 2, 3, 1 })).Output("y").Has(0, "Transpose").Check();

    [Test]
    public void GroupNormalizationBetween()
    {
        PassTester tester = Conv(Start(2, 5, 4, 6), "x", "a", 5, 12);
        tester.Integers("grouped", 2, 3, -1).Integers("back", 2, 12, 4, 6).Constant("ones", TestTensors.Random(ElementType.Float32, 1, 1, 1, 3)).Constant("zeros", TestTensors.Random(ElementType.Float32, 1, 0, 0, 3))
            .Constant("scale", TestTensors.Floats(2, 12, 1, 1)).Constant("bias", TestTensors.Floats(3, 12, 1, 1))
            .Node("Reshape", "a grouped", "g").Node("InstanceNormalization", "g ones zeros", "i").Node("Reshape", "i back", "n").Node("Mul", "n scale", "s").Node("Add", "s bias", "b").Node("Sigmoid", "b", "q").Node("Mul", "b q", "r");
        Conv(tester, "r", "y", 12, 3).Output("y").Becomes("2 Transpose, 2 onnxstream.Conv, 1 onnxstream.GroupNormalization").Check();
    }

    [Test]
    public void ConvolutionOfOneDimension() => Start(2, 5, 9).Constant("w", TestTensors.Floats(2, 6, 5, 3)).Node("Conv", "x w", "y").Output("y").Becomes("1 Conv").Check();

    [Test]
    public void ComputedWeight() => Start(2, 5, 7, 9).Input("w", TestTensors.Floats(2, 6, 5, 3, 3)).Node("Conv", "x w", "y").Output("y").Becomes("2 Transpose, 1 onnxstream.Conv").Check();

    [Test]
    public void Groups([Values(2, 6)] int groups) =>
        Start(2, 6, 7, 9).Constant("w", TestTensors.Floats(2, 6, 6 / groups, 3, 3)).Node("Conv", "x w", "a", ("group", groups), ("auto_pad", "SAME_UPPER"), ("strides", new[] { 2, 1 })).Node("Relu", "a", "y").Output("y")
            .Becomes("2 Transpose, 1 onnxstream.Conv").Check();

    [Test]
    public void ConstantImage() =>
        new PassTester { Tolerance = 1e-4 }.Constant("c", TestTensors.Floats(9, 1, 5, 20, 20)).Input("w", TestTensors.Floats(2, 6, 5, 3, 3)).Node("Conv", "c w", "y").Output("y").Check();

    [Test]
    public void NothingToConvolve() => Conv(Conv(Start(0, 5, 7, 9), "x", "a", 5, 8).Node("Relu", "a", "b"), "b", "y", 8, 3).Output("y").Check();

    [Test]
    public void OnePixel() => Conv(Conv(Start(1, 5, 1, 1), "x", "a", 5, 8).Node("Relu", "a", "b"), "b", "y", 8, 3).Output("y").Check();

    // Random graphs of images: every value may be read by several, combined with others of its size, and be an output.
    [Test]
    public void RandomGraphs() =>
        Gen.Select(Gen.Int[1, 3], Gen.Long[1, 9], Gen.Long[1, 6], Gen.Long[1, 6], Gen.Int[0, 12].Array[1, 14], Gen.Int[0, 1000]).Sample(
            (batch, channels, height, width, steps, seed) =>
            {
                Random random = new(seed);
                PassTester tester = Start(batch, channels, height, width);
                List<(string Name, long Channels, long Height, long Width)> images = [("x", channels, height, width)];
                foreach (int step in steps)
                {
                    (string name, long c, long h, long w) = images[random.Next(images.Count)];
                    string y = $"v{images.Count}";
                    long outputs = random.Next(1, 20);
                    var alike = images.Where(image => image.Height == h && image.Width == w).ToList();
                    (string other, long otherChannels, _, _) = alike[random.Next(alike.Count)];
                    (string same, _, _, _) = alike.Where(image => image.Channels == c).ElementAt(random.Next(alike.Count(image => image.Channels == c)));
                    switch (step)
                    {
                        case 0 or 1 or 2:
                            Conv(tester, name, y, c, outputs, step == 0 ? 1 : 3, random.Next(2) == 0);
                            images.Add((y, outputs, h, w));
                            break;
                        case 3:
                            Conv(tester, name, y, c, outputs, 3, stride: 2);
                            images.Add((y, outputs, (h + 1) / 2, (w + 1) / 2));
                            break;
                        case 4:
                            images.Add((y, c, h, w));
                            tester.Node("Add", $"{name} {same}", y);
                            break;
                        case 5 when c + otherChannels < 60:
                            images.Add((y, c + otherChannels, h, w));
                            tester.Node("Concat", $"{name} {other}", y, ("axis", 1));
                            break;
                        case 6 when h * w < 200:
                            images.Add((y, c, 2 * h, 2 * w));
                            Resize(tester, name, y);
                            break;
                        case 7:
                            images.Add((y, c, h, w));
                            tester.Node("Sigmoid", name, y + "_s").Node("Mul", $"{name} {y}_s", y);
                            break;
                        case 8:
                            images.Add((y, c, h, w));
                            tester.Constant(y + "_v", TestTensors.Floats(seed, c, 1, 1)).Node(random.Next(2) == 0 ? "Add" : "Mul", $"{name} {y}_v", y);
                            break;
                        case 9:
                            images.Add((y, c, h, w));
                            tester.Node(random.Next(2) == 0 ? "Tanh" : "Relu", name, y);
                            break;
                        case 10:
                            // To tokens and back.
                            images.Add((y, c, h, w));
                            tester.Integers(y + "_flat", batch, c, h * w).Integers(y + "_image", batch, c, h, w).Node("Reshape", $"{name} {y}_flat", y + "_f").Node("Transpose", y + "_f", y + "_t", ("perm", new[] { 0, 2, 1 }))
                                .Node("Softmax", y + "_t", y + "_p", ("axis", -1)).Node("Transpose", y + "_p", y + "_g", ("perm", new[] { 0, 2, 1 })).Node("Reshape", $"{y}_g {y}_image", y);
                            break;
                        case 12 when h > 1 && w > 1:
                            images.Add((y, c, (h + 1) / 2, (w + 1) / 2));
                            tester.Node(random.Next(2) == 0 ? "MaxPool" : "AveragePool", name, y, ("kernel_shape", new[] { 3, 3 }), ("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 }));
                            break;
                        case 11:
                            images.Add((y, c, h, w));
                            tester.Node("Transpose", name, y + "_t", ("perm", new[] { 0, 2, 3, 1 })).Node("Sin", y + "_t", y + "_p").Node("Transpose", y + "_p", y, ("perm", new[] { 0, 3, 1, 2 }));
                            break;
                    }
                }

                foreach ((string name, _, _, _) in images.Skip(1).Where(_ => random.Next(4) == 0).Append(images[^1]).Distinct())
                {
                    if (name != "x")
                    {
                        tester.Output(name);
                    }
                }

                if (images.Count > 1)
                {
                    tester.Check();
                }
            },
            iter: 60, threads: 1);
}
