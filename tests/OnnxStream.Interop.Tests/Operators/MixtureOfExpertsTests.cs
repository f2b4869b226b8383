using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MixtureOfExpertsTests
{
    private const string Domain = "com.microsoft";

    [Test]
    public void Activations([Values("relu", "gelu", "silu", "identity", "swiglu", null)] string? activation, [Values(1, 2, 5)] int chosen, [Values] bool isNormalized, [Values] bool hasBias)
    {
        bool isWide = activation == "swiglu";
        OperatorTester tester = Floats(7, 5, 16, 24, isWide, hasBias).Attribute("k", chosen).Attribute("normalize_routing_weights", isNormalized ? 1 : 0);
        _ = activation is null ? tester : tester.Attribute("activation_type", activation);
        _ = isWide ? tester.Attribute("swiglu_fusion", 1).Attribute("activation_alpha", 1.702f).Attribute("activation_beta", 1f).Attribute("swiglu_limit", 2f) : tester;
        tester.Check();
    }

    [TestCase(1, 32)]
    [TestCase(3, 4)]
    [TestCase(40, 3)]
    public void TokensAndExperts(int tokens, int experts) => Floats(tokens, experts, 32, 40, isWide: false, hasBias: true).Attribute("k", 2).Attribute("activation_type", "silu").Check();

    [Test]
    public void Batches()
    {
        OperatorTester tester = new OperatorTester("MoE", 17, Domain).Input(TestTensors.Floats(1, 2, 3, 8)).Input(TestTensors.Floats(2, 6, 4)).Input(TestTensors.Floats(3, 4, 12, 8)).Input(null).Input(TestTensors.Floats(5, 4, 8, 12));
        tester.Attribute("k", 3).Attribute("activation_type", "identity").Check();
    }

    // ONNX Runtime has these forms on graphics processors only.
    [TestCase("swiglu", 0)]
    [TestCase("swiglu", 2)]
    [TestCase("silu", 0)]
    public void ThirdWeights(string activation, int fusion)
    {
        bool isWide = fusion == 2;
        OperatorTester tester = Floats(6, 4, 8, 12, isWide, hasBias: true);
        _ = isWide ? tester : tester.Input(TestTensors.Floats(7, 4, 12, 8)).Input(TestTensors.Floats(8, 4, 12));
        tester.Attribute("k", 2).Attribute("activation_type", activation).Attribute("swiglu_fusion", fusion).CheckAgainst(inputs => [Compute(inputs, 2, isWide, activation == "swiglu" ? 1 : 1)]);
    }

    [Test]
    public void Integers([Values(4, 8)] int bits, [Values(0, 16, 32)] int block, [Values] bool hasZeros, [Values(1, 6)] int tokens, [Values("relu", "swiglu")] string activation, [Values] bool isNormalized)
    {
        // ONNX Runtime rounds data to 8 bits where weights of 8 bits have blocks.
        if (bits == 4 || block == 0)
        {
            Quantized(bits, block, hasZeros, tokens, activation, isNormalized).Check();
        }
    }

    [Test]
    public void IntegersInLoops([Values(2, 8)] int bits, [Values(0, 16)] int block, [Values] bool hasZeros, [Values(1, 40)] int tokens) => Quantized(bits, block, hasZeros, tokens, "silu").CheckAgainst(inputs => [ComputeQuantized(inputs, bits, block, hasZeros, 2)]);

    [Test]
    public void WeightsOfTheSum([Values] bool isNormalized)
    {
        OperatorTester tester = Quantized(8, 0, hasZeros: false, 5, "silu", isNormalized);
        for (int i = 8; i < 14; i++)
        {
            tester.Input(null);
        }

        tester.Input(TestTensors.Random(ElementType.Float32, 9, 0.1, 1, 5, 4)).Check();
    }

    // Few enough tokens leave experts out: their weights are not read.
    [TestCase(true)]
    [TestCase(false)]
    public void OnlyChosenExpertsAreRead(bool isQuantized)
    {
        const int Experts = 16;
        const int Size = 64;
        OperatorTester tester = isQuantized
            ? new OperatorTester("QMoE", 17, Domain).Input(TestTensors.Floats(1, 1, Size)).Input(TestTensors.Floats(2, 1, Experts))
                .Constant(TestTensors.Bytes(ElementType.UInt8, 3, Experts, Size, Size)).Constant(TestTensors.Random(ElementType.Float32, 4, 0.01, 0.02, Experts, Size)).Input(null)
                .Constant(TestTensors.Bytes(ElementType.UInt8, 5, Experts, Size, Size)).Constant(TestTensors.Random(ElementType.Float32, 6, 0.01, 0.02, Experts, Size)).Attribute("expert_weight_bits", 8)
            : new OperatorTester("MoE", 17, Domain).Input(TestTensors.Floats(1, 1, Size)).Input(TestTensors.Floats(2, 1, Experts)).Constant(TestTensors.Floats(3, Experts, Size, Size)).Input(null).Constant(TestTensors.Floats(4, Experts, Size, Size));
        tester.Attribute("k", 2);
        byte[] model = tester.BuildModel(asConstants: false);
        Dictionary<string, TensorBuffer> inputs = new() { ["i0"] = TestTensors.Floats(1, 1, Size), ["i1"] = TestTensors.Floats(2, 1, Experts) };
        using TemporaryFolder folder = new();
        string path = folder.Write("model.onnx", model);
        foreach (int threads in new[] { 1, 3 })
        {
            using InferenceSession session = new(path, new SessionOptions { ThreadCount = threads, KeptPanelBytes = 0, WeightsProvider = WeightsProvider.DiskPrefetch(1 << 16) });
            RunResult result = session.Run(inputs);
            TestTensors.AssertClose(result["o0"], Oracle.Run(model, inputs)["o0"], 1e-5, "result");
            long all = 2L * Experts * Size * Size * (isQuantized ? 1 : sizeof(float));
            Assert.That(result.Statistics.WeightsBytesStreamed, Is.GreaterThan(0).And.LessThanOrEqualTo(all / 8 + 2 * Experts * Size * sizeof(float)));
        }
    }

    // As XNNPACK computes them from packed panels, in every format, from a store too.
    [Test]
    public void PackedWeights([Values(ElementType.Float32, ElementType.Int8)] ElementType format, [Values] bool hasStore, [Values(1, 50)] int tokens)
    {
        const int Experts = 6;
        const int Size = 192;
        byte[] model = new OperatorTester("MoE", 17, Domain).Input(TestTensors.Floats(1, tokens, Size)).Input(TestTensors.Floats(2, tokens, Experts))
            .Constant(TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, Experts, 2 * Size, Size)).Constant(TestTensors.Floats(4, Experts, 2 * Size)).Constant(TestTensors.Random(ElementType.Float32, 5, -0.1, 0.1, Experts, Size, Size)).Constant(TestTensors.Floats(6, Experts, Size))
            .Attribute("k", 2).Attribute("activation_type", "swiglu").Attribute("swiglu_fusion", 1).BuildModel(asConstants: false);
        Dictionary<string, TensorBuffer> inputs = new() { ["i0"] = TestTensors.Floats(1, tokens, Size), ["i1"] = TestTensors.Floats(2, tokens, Experts) };
        TensorBuffer expected = Oracle.Run(model, inputs)["o0"];
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { ThreadCount = 2, KeptPanelBytes = 0, PanelStore = hasStore ? PanelStoreOptions.File(folder["model.panels"]) with { ElementType = format } : PanelStoreOptions.Off });
        for (int run = 0; run < 2; run++)
        {
            Assert.That(TestTensors.RelativeRms(session.Run(inputs)["o0"], expected), Is.LessThan(hasStore && format == ElementType.Int8 ? 0.03 : 1e-5));
        }
    }

    [TestCase(ElementType.Float16, 1.0 / 128)]
    [TestCase(ElementType.BFloat16, 1.0 / 16)]
    public void Types(ElementType type, double tolerance)
    {
        TensorBuffer[] inputs = [TestTensors.Random(type, 1, -1, 1, 6, 8), TestTensors.Random(type, 2, -2, 2, 6, 4), TestTensors.Random(type, 3, -1, 1, 4, 12, 8), TestTensors.Random(type, 4, -1, 1, 4, 12), TestTensors.Random(type, 5, -1, 1, 4, 8, 12), TestTensors.Random(type, 6, -1, 1, 4, 8)];
        OperatorTester tester = new("MoE", 17, Domain) { Tolerance = tolerance };
        Array.ForEach(inputs, input => tester.Input(input));
        tester.Output(type).Attribute("k", 2).CheckAgainst(given => [TestTensors.FromDoubles(type, TestTensors.ToDoubles(Compute(given, 2, false, 0)), 6, 8)]);
    }

    [Test]
    public void NoTokens() => Assert.That(Floats(0, 4, 8, 12, isWide: false, hasBias: true).Run().Shape, Is.EqualTo(new Shape(0, 8)));

    // An expert that nobody asks for may be broken.
    [Test]
    public void UnchosenExpertsDoNotMatter()
    {
        TensorBuffer weight = TestTensors.Floats(3, 3, 8, 8);
        weight.Span<float>()[..64].Fill(float.NaN);
        double[] result = TestTensors.ToDoubles(new OperatorTester("MoE", 17, Domain).Input(TestTensors.Floats(1, 2, 8)).Input(TestTensors.FromDoubles(ElementType.Float32, [-9, 1, 2, -9, 2, 1], 2, 3)).Input(weight).Input(null).Input(TestTensors.Floats(4, 3, 8, 8)).Attribute("k", 2).Run());
        Assert.That(result, Has.All.Matches<double>(double.IsFinite));
    }

    [Test]
    public void WrongNodes()
    {
        Floats(5, 4, 8, 12, isWide: false, hasBias: true).Attribute("k", 5).Fails<InvalidGraphException>();
        Floats(5, 4, 8, 12, isWide: false, hasBias: true).Attribute("activation_type", "tanh").Fails<InvalidGraphException>();
        Floats(5, 4, 8, 12, isWide: false, hasBias: true).Attribute("activation_type", "swiglu").Fails<InvalidGraphException>();
        Floats(5, 4, 8, 12, isWide: true, hasBias: true).Attribute("activation_type", "relu").Fails<InvalidGraphException>();
        Floats(5, 4, 8, 12, isWide: false, hasBias: true).Attribute("k", 2).Attribute("use_sparse_mixer", 1).Fails<UnsupportedOperatorException>();
        Quantized(4, 24, hasZeros: false, 5, "relu").Fails<InvalidGraphException>();
        Quantized(3, 0, hasZeros: false, 5, "relu").Fails<InvalidGraphException>();
        Quantized(4, 0, hasZeros: false, 5, "relu").Attribute("quant_type", "fp8").Fails<UnsupportedOperatorException>();
        Quantized(4, 0, hasZeros: false, 5, "relu").Attribute("weights_prepacked", 1).Fails<UnsupportedOperatorException>();
    }

    private static OperatorTester Floats(int tokens, int experts, int hidden, int inner, bool isWide, bool hasBias)
    {
        int wide = isWide ? 2 * inner : inner;
        return new OperatorTester("MoE", 17, Domain).Input(TestTensors.Floats(1, tokens, hidden)).Input(TestTensors.Floats(2, tokens, experts))
            .Input(TestTensors.Random(ElementType.Float32, 3, -1, 1, experts, wide, hidden)).Input(hasBias ? TestTensors.Floats(4, experts, wide) : null)
            .Input(TestTensors.Random(ElementType.Float32, 5, -1, 1, experts, hidden, inner)).Input(hasBias ? TestTensors.Floats(6, experts, hidden) : null);
    }

    private static OperatorTester Quantized(int bits, int block, bool hasZeros, int tokens, string activation, bool isNormalized = true)
    {
        const int Experts = 4;
        const int Hidden = 64;
        const int Inner = 128;
        int each = Math.Max(1, 8 / bits);
        bool isWide = activation == "swiglu";
        int wide = isWide ? 2 * Inner : Inner;
        OperatorTester tester = new OperatorTester("QMoE", 17, Domain) { Tolerance = 5e-4 }.Input(TestTensors.Random(ElementType.Float32, 1, -1, 1, tokens, Hidden)).Input(TestTensors.Floats(2, tokens, Experts));
        Add(3, wide, Hidden);
        Add(6, Hidden, Inner);
        if (hasZeros)
        {
            tester.Input(null).Input(null).Input(null).Constant(Zeros(9, wide, Hidden)).Constant(Zeros(10, Hidden, Inner));
        }

        tester.Attribute("k", 2).Attribute("expert_weight_bits", bits).Attribute("activation_type", activation).Attribute("normalize_routing_weights", isNormalized ? 1 : 0);
        _ = isWide ? tester.Attribute("swiglu_fusion", 1) : tester;
        return block == 0 ? tester : tester.Attribute("block_size", block);

        void Add(int seed, int outputs, int inputs) =>
            tester.Constant(TestTensors.Bytes(ElementType.UInt8, seed, Experts, outputs, inputs / each)).Constant(TestTensors.Random(ElementType.Float32, seed + 1, 0.01, 0.02, Scales(outputs, inputs))).Input(TestTensors.Floats(seed + 2, Experts, outputs));

        TensorBuffer Zeros(int seed, int outputs, int inputs)
        {
            long[] shape = Scales(outputs, inputs);
            shape[^1] /= each;
            return TestTensors.Bytes(ElementType.UInt8, seed, shape);
        }

        long[] Scales(int outputs, int inputs) => block == 0 ? [Experts, outputs] : [Experts, outputs, inputs / block];
    }

    // Plain loops. The gate of SwiGLU has alpha 1 and beta 0.
    private static TensorBuffer Compute(IReadOnlyList<TensorBuffer> inputs, int chosen, bool isWide, int activation)
    {
        double[][] numbers = [.. inputs.Select(TestTensors.ToDoubles)];
        (int tokens, int hidden, int experts) = ((int)inputs[0].Shape[0], (int)inputs[0].Shape[1], (int)inputs[1].Shape[1]);
        int wide = (int)inputs[2].Shape[1];
        int inner = isWide ? wide / 2 : wide;
        double[] result = new double[tokens * hidden];
        for (int token = 0; token < tokens; token++)
        {
            double[] x = numbers[0][(token * hidden)..((token + 1) * hidden)];
            double[] scores = numbers[1][(token * experts)..((token + 1) * experts)];
            double sum = scores.Sum(Math.Exp);
            foreach (int expert in Enumerable.Range(0, experts).OrderByDescending(expert => scores[expert]).Take(chosen))
            {
                double[] first = Layer(x, numbers[2], numbers[3], expert, wide);
                double[]? third = inputs.Count > 6 ? Layer(x, numbers[6], numbers[7], expert, inner) : isWide ? first[inner..] : null;
                double[] h = [.. first.Take(inner).Select((g, i) => (activation == 0 ? Math.Max(0, g) : g / (1 + Math.Exp(-g))) * (third?[i] ?? 1))];
                double[] y = Layer(h, numbers[4], numbers[5], expert, hidden);
                for (int i = 0; i < hidden; i++)
                {
                    result[token * hidden + i] += Math.Exp(scores[expert]) / sum * y[i];
                }
            }
        }

        return TestTensors.FromDoubles(ElementType.Float32, result, tokens, hidden);
    }

    private static double[] Layer(double[] x, double[] weight, double[] bias, int expert, int outputs) =>
        [.. Enumerable.Range(expert * outputs, outputs).Select(output => bias[output] + x.Select((value, i) => value * weight[output * x.Length + i]).Sum())];

    private static TensorBuffer ComputeQuantized(IReadOnlyList<TensorBuffer> inputs, int bits, int block, bool hasZeros, int chosen)
    {
        double[] first = Widen(inputs[2], inputs[3], hasZeros ? inputs[8] : null, bits, block);
        double[] second = Widen(inputs[5], inputs[6], hasZeros ? inputs[9] : null, bits, block);
        double[] bias = TestTensors.ToDoubles(inputs[4]);
        double[] lastBias = TestTensors.ToDoubles(inputs[7]);
        double[] x = TestTensors.ToDoubles(inputs[0]);
        double[] scores = TestTensors.ToDoubles(inputs[1]);
        (int tokens, int hidden, int experts, int inner) = ((int)inputs[0].Shape[0], (int)inputs[0].Shape[1], (int)inputs[1].Shape[1], (int)inputs[2].Shape[1]);
        double[] result = new double[tokens * hidden];
        for (int token = 0; token < tokens; token++)
        {
            int[] best = [.. Enumerable.Range(0, experts).OrderByDescending(expert => scores[token * experts + expert]).Take(chosen)];
            double sum = best.Sum(expert => Math.Exp(scores[token * experts + expert]));
            foreach (int expert in best)
            {
                double[] h = [.. Layer(x[(token * hidden)..((token + 1) * hidden)], first, bias, expert, inner).Select(g => g / (1 + Math.Exp(-g)))];
                double[] y = Layer(h, second, lastBias, expert, hidden);
                for (int i = 0; i < hidden; i++)
                {
                    result[token * hidden + i] += Math.Exp(scores[token * experts + expert]) / sum * y[i];
                }
            }
        }

        return TestTensors.FromDoubles(ElementType.Float32, result, tokens, hidden);
    }

    private static double[] Widen(TensorBuffer bytes, TensorBuffer scales, TensorBuffer? zeros, int bits, int block)
    {
        int each = 8 / bits;
        int row = (int)bytes.Shape[2] * each;
        int size = block == 0 ? row : block;
        double[] factors = TestTensors.ToDoubles(scales);
        return [.. Enumerable.Range(0, bytes.Bytes.Length * each).Select(i => (Code(bytes, i) - (zeros is null ? 1 << (bits - 1) : Code(zeros, i / size))) * factors[i / size])];

        int Code(TensorBuffer packed, int index) => packed.Bytes[index / each] >> (index % each * bits) & ((1 << bits) - 1);
    }
}
