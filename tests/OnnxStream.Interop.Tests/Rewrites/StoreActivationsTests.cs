namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class StoreActivationsTests
{
    private static PassTester Image(int channels, int height, int width) => new PassTester().Input("x", TestTensors.Floats(1, 1, channels, height, width));

    // A step with this kernel that reads or writes another format: shapes as "input -> output", the marks of formats behind them.
    private static void AssertStores(PlanSummary plan, string kernel, bool reads, bool writes, string mark = ":f16") =>
        Assert.That(
            plan.Steps.Any(step => step.KernelName == kernel && step.Shapes.Split(" -> ") is [var inputs, var outputs] && inputs.Split(' ')[0].EndsWith(mark) == reads && outputs.EndsWith(mark) == writes),
            Is.True, () => string.Join(Environment.NewLine, plan.Steps.Select(step => $"{step.KernelName} {step.Shapes}")));

    [Test]
    public void Convolutions([Values(1, 2)] int threads)
    {
        // Winograd, a residual, strides, a kernel that no panel divides evenly, pointwise; odd sizes.
        PlanSummary plan = Image(12, 45, 39).Constant("w0", TestTensors.Floats(2, 48, 12, 3, 3)).Constant("w1", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, 48, 48, 3, 3))
            .Constant("b1", TestTensors.Floats(4, 48)).Constant("w2", TestTensors.Random(ElementType.Float32, 5, -0.1, 0.1, 52, 48, 3, 3)).Constant("w3", TestTensors.Random(ElementType.Float32, 6, -0.2, 0.2, 37, 52, 1, 1))
            .Constant("w4", TestTensors.Random(ElementType.Float32, 7, -0.1, 0.1, 5, 37, 5, 5))
            .Node("Conv", "x w0", "a", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "a w1 b1", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Add", "a c", "d")
            .Node("Conv", "d w2", "e", ("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "e w3", "f").Node("Relu", "f", "g").Node("Conv", "g w4", "y").Output("y")
            .CheckInHalf(threads);
        AssertStores(plan, "xnn convolution", reads: false, writes: true);
        AssertStores(plan, "winograd convolution", reads: true, writes: true);
        AssertStores(plan, "xnn_binary_add", reads: true, writes: true);
        AssertStores(plan, "xnn convolution", reads: true, writes: true);
        AssertStores(plan, "xnn fully connected", reads: true, writes: true);
        AssertStores(plan, "xnn convolution", reads: true, writes: false);
    }

    [Test]
    public void UpsampledConvolution() =>
        AssertStores(
            Image(24, 20, 18).Constant("w0", TestTensors.Random(ElementType.Float32, 2, -0.1, 0.1, 48, 24, 3, 3)).Constant("w1", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, 48, 48, 3, 3))
                .Constant("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4)).Constant("w2", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 3, 48, 3, 3))
                .Node("Conv", "x w0", "a", ("pads", new[] { 1, 1, 1, 1 })).Node("Resize", "a - scales", "u", ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"))
                .Node("Conv", "u w1", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "c w2", "y").Output("y").CheckInHalf(),
            "winograd convolution", reads: true, writes: true);

    // A large mean costs half precision digits, but the moments none; 130 rows are not a whole number of pieces.
    [Test]
    public void GroupNormalization([Values] bool hasActivation)
    {
        PassTester tester = Image(8, 13, 10).Constant("w0", TestTensors.Floats(2, 40, 8, 1, 1)).Constant("b0", TestTensors.Random(ElementType.Float32, 3, 3, 4, 40))
            .Constant("shape", TestTensors.Integers(1, 8, -1)).Constant("back", TestTensors.Integers(1, 40, 13, 10)).Constant("one", TensorBuffer.Create<float>([.. Enumerable.Repeat(1f, 8)], 8))
            .Constant("zero", TensorBuffer.Create<float>(new float[8], 8)).Constant("scale", TestTensors.Floats(4, 40, 1, 1)).Constant("shift", TestTensors.Floats(5, 40, 1, 1))
            .Constant("w1", TestTensors.Floats(6, 4, 40, 1, 1))
            .Node("Conv", "x w0 b0", "a").Node("Reshape", "a shape", "r").Node("InstanceNormalization", "r one zero", "i").Node("Reshape", "i back", "n").Node("Mul", "n scale", "m").Node("Add", "m shift", "p");
        if (hasActivation)
        {
            tester.Node("Sigmoid", "p", "s").Node("Mul", "p s", "q");
        }

        AssertStores(tester.Node("Conv", hasActivation ? "q w1" : "p w1", "y").Output("y").CheckInHalf(), "group normalization", reads: true, writes: true);
    }

    // Projections, attention of several heads, normalization, an activated and a gated layer, as in a transformer.
    [TestCase(1)]
    [TestCase(2)]
    public void Transformer(int threads)
    {
        const int Width = 48;
        PassTester tester = new PassTester().Input("x", TestTensors.Floats(1, 2, 75, Width))
            .Constant("scale", TestTensors.Floats(2, Width)).Constant("shift", TestTensors.Floats(3, Width)).Constant("heads", TestTensors.Integers(2, 75, 3, 16)).Constant("flat", TestTensors.Integers(2, 75, Width))
            .Scalar("factor", 0.25f).Constant("parts", TestTensors.Integers(70, 70)).Constant("g", TestTensors.Random(ElementType.Float32, 20, -0.2, 0.2, Width, 140)).Constant("h", TestTensors.Random(ElementType.Float32, 21, -0.2, 0.2, 70, Width))
            .Constant("gb", TestTensors.Floats(22, 140)).Constant("o", TestTensors.Random(ElementType.Float32, 23, -0.2, 0.2, Width, Width)).Constant("last", TestTensors.Random(ElementType.Float32, 24, -0.2, 0.2, Width, Width))
            .Node("MatMul", "x last", "x1").Node("LayerNormalization", "x1 scale shift", "n");
        foreach (string name in (string[])["q", "k", "v"])
        {
            tester.Constant("w" + name, TestTensors.Random(ElementType.Float32, 10 + name[0], -0.2, 0.2, Width, Width)).Node("MatMul", $"n w{name}", name + "0").Node("Reshape", $"{name}0 heads", name + "1")
                .Node("Transpose", name + "1", name, ("perm", name == "k" ? new[] { 0, 2, 3, 1 } : [0, 2, 1, 3]));
        }

        PlanSummary plan = tester.Node("MatMul", "q k", "scores").Node("Mul", "scores factor", "scaled").Node("Softmax", "scaled", "weights", ("axis", -1)).Node("MatMul", "weights v", "heads1")
            .Node("Transpose", "heads1", "tokens", ("perm", new[] { 0, 2, 1, 3 })).Node("Reshape", "tokens flat", "attended").Node("MatMul", "attended o", "projected").Node("Add", "projected x1", "x2")
            .Node("MatMul", "x2 g", "p").Node("Add", "p gb", "s").Node("Split", "s parts", "value gate", ("axis", -1)).Node("Sigmoid", "gate", "e").Node("Mul", "gate e", "silu").Node("Mul", "value silu", "hidden")
            .Node("MatMul", "hidden h", "f").Node("Add", "f x2", "x3").Node("MatMul", "x3 last", "z").Node("Sigmoid", "z", "z1").Node("Mul", "z z1", "z2").Node("MatMul", "z2 last", "y").Output("y").CheckInHalf(threads, 4e-3);
        AssertStores(plan, "normalize", reads: true, writes: true);
        AssertStores(plan, "attention", reads: true, writes: true);
        AssertStores(plan, "xnn gated fully connected", reads: true, writes: true);
        AssertStores(plan, "xnn fully connected, activated", reads: true, writes: true);
        AssertStores(plan, "xnn fully connected", reads: false, writes: true);
        AssertStores(plan, "xnn fully connected", reads: true, writes: false);
    }

    [Test]
    public void TilesOfRows()
    {
        PlanSummary plan = new PassTester().Input("x", TestTensors.Floats(1, 1, 2800, 64)).Constant("u", TestTensors.Random(ElementType.Float32, 3, -0.2, 0.2, 64, 64))
            .Constant("w", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 64, 800)).Constant("v", TestTensors.Random(ElementType.Float32, 6, -0.1, 0.1, 800, 64))
            .Node("MatMul", "x u", "a").Node("MatMul", "a w", "p").Node("Sigmoid", "p", "e").Node("Mul", "p e", "h").Node("MatMul", "h v", "b").Node("Add", "a b", "c").Node("MatMul", "c u", "y").Output("y").CheckInHalf();
        Assert.That(plan.Steps.Single(step => step.KernelName.Contains("tiles of", StringComparison.Ordinal)).Shapes, Does.Contain(":f16 -> ").And.EndsWith(":f16"));
    }

    // The small summand of an addition is converted; concatenation moves what it is given.
    [Test]
    public void SmallInputsFollow()
    {
        PlanSummary plan = Image(16, 30, 31).Constant("w0", TestTensors.Random(ElementType.Float32, 2, -0.2, 0.2, 32, 16, 1, 1)).Constant("c", TestTensors.Floats(3, 32, 1, 1))
            .Constant("w1", TestTensors.Random(ElementType.Float32, 4, -0.2, 0.2, 3, 64, 1, 1))
            .Node("Conv", "x w0", "a").Node("Add", "a c", "b").Node("Concat", "a b", "d", ("axis", 1)).Node("Conv", "d w1", "y").Output("y").CheckInHalf();
        AssertStores(plan, "xnn_binary_add", reads: true, writes: true);
        AssertStores(plan, "concatenate", reads: true, writes: true);
    }

    // Whoever cannot read half precision keeps the tensor, and those that share its type with it, single.
    [Test]
    public void ReaderThatNeedsSinglePrecision()
    {
        PlanSummary plan = Plan(Image(16, 30, 31).Constant("w0", TestTensors.Floats(2, 32, 16, 1, 1)).Constant("w1", TestTensors.Floats(4, 3, 32, 1, 1))
            .Node("Conv", "x w0", "a").Node("Sin", "a", "s").Node("Add", "a s", "b").Node("Conv", "b w1", "y").Output("y"));
        Assert.That(plan.Steps.Select(step => step.Shapes), Has.None.Contains(":f16"));
    }

    // Inputs and outputs of the model keep their types, and what is small keeps its digits.
    [Test]
    public void BordersAndSmallTensors()
    {
        PlanSummary plan = Plan(Image(16, 30, 31).Constant("w0", TestTensors.Floats(2, 32, 16, 1, 1)).Constant("w1", TestTensors.Floats(4, 1, 32, 1, 1)).Constant("w2", TestTensors.Floats(5, 2, 1, 1, 1))
            .Node("Conv", "x w0", "y").Node("Conv", "y w1", "b").Node("Conv", "b w2", "z").Output("y").Output("z"));
        Assert.That(plan.Steps.Select(step => step.Shapes), Has.None.Contains(":f16"));
    }

    // The same in blocks of 8 bits: channels that are no whole number of blocks, an addition of different formats.
    [Test]
    public void ConvolutionsInBlocks([Values(1, 2)] int threads)
    {
        PlanSummary plan = Image(12, 45, 39).Constant("w0", TestTensors.Floats(2, 52, 12, 3, 3)).Constant("w1", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, 52, 52, 3, 3))
            .Constant("b1", TestTensors.Floats(4, 52)).Constant("w2", TestTensors.Random(ElementType.Float32, 5, -0.1, 0.1, 52, 52, 3, 3)).Constant("w3", TestTensors.Random(ElementType.Float32, 6, -0.2, 0.2, 37, 52, 1, 1))
            .Constant("w4", TestTensors.Random(ElementType.Float32, 7, -0.1, 0.1, 5, 37, 5, 5))
            .Node("Conv", "x w0", "a", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "a w1 b1", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Add", "a c", "d")
            .Node("Conv", "d w2", "e", ("strides", new[] { 2, 2 }), ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "e w3", "f").Node("Relu", "f", "g").Node("Conv", "g w4", "y").Output("y")
            .CheckStored(ElementType.Int8, threads, 0.03);
        AssertStores(plan, "xnn convolution", reads: false, writes: true, ":int8");
        AssertStores(plan, "winograd convolution", reads: true, writes: true, ":int8");
        AssertStores(plan, "stored add", reads: true, writes: true, ":int8");
        AssertStores(plan, "xnn convolution", reads: true, writes: true, ":int8");
        AssertStores(plan, "xnn fully connected", reads: true, writes: true, ":int8");
        AssertStores(plan, "xnn convolution", reads: true, writes: false, ":int8");
    }

    // As a VAE decoder is made: normalization with SiLU, two convolutions and a residual with a shortcut, a doubled image, patches.
    [Test]
    public void DecoderInBlocks([Values(1, 2)] int threads, [Values] bool isRounded)
    {
        PassTester tester = Image(4, 20, 23).Constant("w0", TestTensors.Random(ElementType.Float32, 2, -0.3, 0.3, 64, 4, 3, 3)).Constant("shape", TestTensors.Integers(1, 16, -1)).Constant("one", TensorBuffer.Create<float>([.. Enumerable.Repeat(1f, 16)], 16))
            .Constant("zero", TensorBuffer.Create<float>(new float[16], 16)).Constant("scales", TensorBuffer.Create<float>([1, 1, 2, 2], 4)).Node("Conv", "x w0", "a", ("pads", new[] { 1, 1, 1, 1 }))
            .Constant("w9", TestTensors.Random(ElementType.Float32, 9, -0.05, 0.05, 3, 48, 3, 3));
        string last = "a";
        int channels = 64;
        int next = 64;
        int height = 20;
        int width = 23;
        for (int block = 0; block < 3; block++)
        {
            if (block == 2)
            {
                (height, width, next) = (2 * height, 2 * width, 48);
                tester.Constant("wu", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, channels, channels, 3, 3)).Node("Resize", $"{last} - scales", "u", ("coordinate_transformation_mode", "asymmetric"), ("nearest_mode", "floor"))
                    .Node("Conv", "u wu", "doubled", ("pads", new[] { 1, 1, 1, 1 }));
                last = "doubled";
            }

            string n = $"{block}";
            tester.Constant($"v{n}", TestTensors.Random(ElementType.Float32, 20 + block, -0.1, 0.1, next, channels, 3, 3)).Constant($"w{n}b", TestTensors.Random(ElementType.Float32, 30 + block, -0.1, 0.1, next, next, 3, 3))
                .Constant($"s{n}", TestTensors.Random(ElementType.Float32, 40 + block, -0.2, 0.2, next, channels, 1, 1));
            Normalize(last, $"n{n}", channels, block);
            tester.Node("Conv", $"n{n} v{n}", $"c{n}", ("pads", new[] { 1, 1, 1, 1 }));
            Normalize($"c{n}", $"m{n}", next, 10 + block);
            tester.Node("Conv", $"m{n} w{n}b", $"d{n}", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", $"{last} s{n}", $"k{n}").Node("Add", $"k{n} d{n}", $"r{n}");
            (last, channels) = ($"r{n}", next);
        }

        tester.Node("Conv", $"{last} w9", "y", ("pads", new[] { 1, 1, 1, 1 })).Output("y");
        if (isRounded)
        {
            PlanSummary plan = tester.CheckStored(ElementType.Int8, threads, 0.04);
            AssertStores(plan, "group normalization", reads: true, writes: true, ":int8");
            AssertStores(plan, "winograd convolution", reads: true, writes: true, ":int8");
            AssertStores(plan, "stored add", reads: true, writes: true, ":int8");
        }
        else
        {
            tester.Check(threads);
        }

        void Normalize(string input, string output, int count, int seed) => tester.Constant($"{output}g", TestTensors.Random(ElementType.Float32, 50 + seed, 0.5, 1.5, count, 1, 1)).Constant($"{output}h", TestTensors.Floats(70 + seed, count, 1, 1))
            .Constant($"{output}t", TestTensors.Integers(1, count, height, width)).Node("Reshape", $"{input} shape", $"{output}r").Node("InstanceNormalization", $"{output}r one zero", $"{output}i").Node("Reshape", $"{output}i {output}t", $"{output}n")
            .Node("Mul", $"{output}n {output}g", $"{output}m").Node("Add", $"{output}m {output}h", $"{output}p").Node("Sigmoid", $"{output}p", $"{output}s").Node("Mul", $"{output}p {output}s", output);
    }

    // As a U-Net's skip connections: whole blocks of channels are put behind each other; others keep single precision. Images become rows and rows images.
    [Test]
    public void ConcatenationsInBlocks([Values(1, 2)] int threads, [Values(64, 52)] int channels)
    {
        bool fits = channels % 32 == 0;
        PlanSummary plan = Image(12, 30, 28).Constant("w0", TestTensors.Floats(2, 64, 12, 3, 3)).Constant("w1", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, channels, 64, 3, 3))
            .Constant("w2", TestTensors.Random(ElementType.Float32, 5, -0.1, 0.1, 96, 64 + channels, 3, 3)).Constant("w3", TestTensors.Random(ElementType.Float32, 6, -0.2, 0.2, 96, 64))
            .Constant("rows", TestTensors.Integers(1, 96, 840)).Constant("image", TestTensors.Integers(1, 64, 30, 28)).Constant("w4", TestTensors.Random(ElementType.Float32, 7, -0.1, 0.1, 5, 64, 3, 3))
            .Node("Conv", "x w0", "a", ("pads", new[] { 1, 1, 1, 1 })).Node("Conv", "a w1", "c", ("pads", new[] { 1, 1, 1, 1 })).Node("Concat", "a c", "d", ("axis", 1))
            .Node("Conv", "d w2", "e", ("pads", new[] { 1, 1, 1, 1 })).Node("Reshape", "e rows", "f").Node("Transpose", "f", "g", ("perm", new[] { 0, 2, 1 })).Node("MatMul", "g w3", "h")
            .Node("Transpose", "h", "i", ("perm", new[] { 0, 2, 1 })).Node("Reshape", "i image", "j").Node("Conv", "j w4", "y", ("pads", new[] { 1, 1, 1, 1 })).Output("y")
            .CheckStored(ElementType.Int8, threads, 0.04);
        Assert.That(plan.Steps.Any(step => step.KernelName == "concatenate" && step.Shapes.EndsWith(":int8")), Is.EqualTo(fits), () => string.Join(Environment.NewLine, plan.Steps.Select(step => $"{step.KernelName} {step.Shapes}")));
        AssertStores(plan, "xnn fully connected", reads: true, writes: true, ":int8");
    }

    // Rows of a transformer: what reads heads, halves or parts of rows keeps single precision.
    [Test]
    public void RowsInBlocks([Values(1, 2)] int threads)
    {
        const int Width = 72;
        PlanSummary plan = new PassTester().Input("x", TestTensors.Floats(1, 2, 75, Width)).Constant("scale", TestTensors.Floats(2, Width)).Constant("shift", TestTensors.Floats(3, Width))
            .Constant("u", TestTensors.Random(ElementType.Float32, 4, -0.2, 0.2, Width, Width)).Constant("v", TestTensors.Random(ElementType.Float32, 5, -0.2, 0.2, Width, 100)).Constant("w", TestTensors.Random(ElementType.Float32, 6, -0.2, 0.2, 100, Width))
            .Node("MatMul", "x u", "a").Node("LayerNormalization", "a scale shift", "n").Node("MatMul", "n v", "p").Node("Sigmoid", "p", "e").Node("Mul", "p e", "h").Node("MatMul", "h w", "b").Node("Sub", "a b", "c")
            .Node("Sigmoid", "c", "f").Node("Mul", "c f", "d").Node("MatMul", "d u", "y").Output("y").CheckStored(ElementType.Int8, threads, 0.03);
        AssertStores(plan, "normalize", reads: true, writes: true, ":int8");
        AssertStores(plan, "xnn fully connected, activated", reads: true, writes: true, ":int8");
        AssertStores(plan, "stored subtract", reads: true, writes: true, ":int8");
        AssertStores(plan, "silu activation", reads: true, writes: true, ":int8");
    }

    [Test]
    public void NumbersOfAnySizeInBlocks([Values(1e-30f, 1e30f)] float size)
    {
        // The moments leave the range of single precision, the numbers do not. ONNX Runtime's are not right then.
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 40, 64).Output("y").Initializer("u", TestTensors.Random(ElementType.Float32, 4, -0.2, 0.2, 64, 64)).Initializer("one", TensorBuffer.Create<float>([.. Enumerable.Repeat(1f, 64)], 64))
            .Node("MatMul", "x u", "a").Node("LayerNormalization", "a one", "n", ("epsilon", 0f)).Node("MatMul", "n u", "y").ToBytes());
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Random(ElementType.Float32, 1, -size, size, 40, 64) };
        using InferenceSession exact = new(path);
        using InferenceSession stored = new(path, new SessionOptions { ActivationElementType = ElementType.Int8 });
        AssertStores(stored.Plan(), "normalize", reads: true, writes: true, ":int8");
        Assert.That(TestTensors.RelativeRms(stored.Run(inputs)["y"], exact.Run(inputs)["y"]), Is.InRange(1e-4, 0.03));
    }

    [Test]
    public void TilesOfRowsInBlocks()
    {
        PlanSummary plan = new PassTester().Input("x", TestTensors.Floats(1, 1, 2800, 72)).Constant("u", TestTensors.Random(ElementType.Float32, 3, -0.2, 0.2, 72, 72))
            .Constant("w", TestTensors.Random(ElementType.Float32, 4, -0.1, 0.1, 72, 800)).Constant("v", TestTensors.Random(ElementType.Float32, 6, -0.1, 0.1, 800, 72))
            .Node("MatMul", "x u", "a").Node("MatMul", "a w", "p").Node("Sigmoid", "p", "e").Node("Mul", "p e", "h").Node("MatMul", "h v", "b").Node("Add", "a b", "c").Node("MatMul", "c u", "y").Output("y").CheckStored(ElementType.Int8, 2, 0.02);
        Assert.That(plan.Steps.Single(step => step.KernelName.Contains("tiles of", StringComparison.Ordinal)).Shapes, Does.Contain(":int8 -> ").And.EndsWith(":int8"));
    }

    // No file and no attribute can name the type of blocks.
    [Test]
    public void TheTypeOfBlocksIsNobodysElse()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", new ModelBuilder(17).Input("x", ElementType.Float32, 4, 64).Output("y", ElementType.Float32).Node("Cast", "x", "a", ("to", (long)Interop.ElementTypes.Blocks)).Node("Cast", "a", "y", ("to", 1L)).ToBytes());
        Assert.That(() => new InferenceSession(path).Plan(), Throws.InstanceOf<OnnxStreamException>());
    }

    [Test]
    public void OtherTypesAreRefused() =>
        Assert.That(() => new SessionOptions { ActivationElementType = ElementType.BFloat16 }, Throws.ArgumentException.With.Message.Contains("Float32, Float16 and Int8"));

    private static PlanSummary Plan(PassTester tester)
    {
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", tester.ToBytes()), new SessionOptions { PlanOnly = true, ActivationElementType = ElementType.Float16 });
        return session.Plan();
    }
}
