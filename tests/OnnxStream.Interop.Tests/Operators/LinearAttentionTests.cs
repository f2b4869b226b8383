namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class LinearAttentionTests
{
    private const int KeySize = 5;
    private const int ValueSize = 7;

    [Test]
    public void Rules([Values("linear", "gated", "delta", "gated_delta", null)] string? rule, [Values(1, 2, 4)] int group, [Values] bool hasPast, [Values(0f, 0.3f)] float scale) =>
        new Case { Rule = rule, Group = group, HasPast = hasPast, Scale = scale }.Check();

    [Test]
    public void DecayAndBeta([Values("gated", "gated_delta", "delta")] string rule, [Values] bool isDecayOfKeys, [Values] bool isBetaOfHeads, [Values(1, 6)] int positions) =>
        new Case { Rule = rule, IsDecayOfKeys = isDecayOfKeys, IsBetaOfHeads = isBetaOfHeads, Positions = positions }.Check();

    [TestCase(ElementType.Float16, 1.0 / 256)]
    [TestCase(ElementType.BFloat16, 1.0 / 32)]
    public void Types(ElementType type, double tolerance) => new Case { Type = type, Tolerance = tolerance, Group = 2, HasPast = true }.Check();

    [Test]
    public void NoPositions() => new Case { Positions = 0, HasPast = true }.Check();

    // What one run gives for all positions, two runs give for the two halves.
    [Test]
    public void StateGoesOn()
    {
        Case all = new() { Positions = 6 };
        RunResult whole = all.Tester().RunAll();
        RunResult first = all.Part(0, 2, null).RunAll();
        RunResult second = all.Part(2, 4, first["o1"]).RunAll();
        TestTensors.AssertClose(second["o1"], whole["o1"], 1e-6, "state");
        TestTensors.AssertClose(second["o0"], Case.Cut(whole["o0"], 2, 4), 1e-6, "last positions");
    }

    [Test]
    public void OutputThatNobodyWants()
    {
        Case expected = new();
        TensorBuffer state = expected.Tester().RunAll()["o1"];
        ModelBuilder builder = new(27);
        foreach ((string name, TensorBuffer tensor) in expected.Inputs.Where(input => input.Tensor is not null).Select(input => (input.Name, input.Tensor!)))
        {
            builder.Input(name, tensor.ElementType, tensor.Shape.ToArray());
        }

        builder.Node("LinearAttention", "query key value - decay beta", "- state", ("q_num_heads", 2L), ("kv_num_heads", 2L)).Output("state", ElementType.Float32);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()));
        RunResult result = session.Run(expected.Inputs.Where(input => input.Tensor is not null).ToDictionary(input => input.Name, input => input.Tensor!));
        Assert.That(result["state"].Bytes.SequenceEqual(state.Bytes), Is.True);
    }

    [Test]
    public void RefusesWrongNodes()
    {
        new Case { Rule = "gated_sum" }.Tester().Fails<InvalidGraphException>();
        new Case { Rule = "gated" }.Tester(without: "decay").Fails<InvalidGraphException>();
        new Case { Rule = "delta" }.Tester(without: "beta").Fails<InvalidGraphException>();
        new Case().Tester(queryHeads: 3).Fails<InvalidGraphException>();
        new Case().Tester(queryHeads: 0).Fails<InvalidGraphException>();
        new Case { HasPast = true, PastKeySize = 4 }.Tester().Fails<InvalidGraphException>();
        new Case { DecaySize = 3 }.Tester().Fails<InvalidGraphException>();
    }

    // A node with its inputs, and what it should give: plain loops in double precision.
    private sealed class Case
    {
        private const int Items = 2;
        private const int Heads = 2;

        public string? Rule { get; init; }

        public int Group { get; init; } = 1;

        public int Positions { get; init; } = 3;

        public bool HasPast { get; init; }

        public int PastKeySize { get; init; } = KeySize;

        public int? DecaySize { get; init; }

        public bool IsDecayOfKeys { get; init; } = true;

        public bool IsBetaOfHeads { get; init; } = true;

        public float Scale { get; init; }

        public ElementType Type { get; init; } = ElementType.Float32;

        public double Tolerance { get; init; } = 1e-5;

        public IReadOnlyList<(string Name, TensorBuffer? Tensor)> Inputs => field ??=
        [
            ("query", TestTensors.Random(Type, 1, -1, 1, Items, Positions, Heads * Group * KeySize)),
            ("key", TestTensors.Random(Type, 2, -0.5, 0.5, Items, Positions, Heads * KeySize)),
            ("value", TestTensors.Random(Type, 3, -1, 1, Items, Positions, Heads * ValueSize)),
            ("past", HasPast ? TestTensors.Random(Type, 4, -1, 1, Items, Heads, PastKeySize, ValueSize) : null),
            ("decay", TestTensors.Random(Type, 5, -2, 0, Items, Positions, DecaySize ?? (IsDecayOfKeys ? Heads * KeySize : Heads))),
            ("beta", TestTensors.Random(Type, 6, 0, 1, Items, Positions, IsBetaOfHeads ? Heads : 1)),
        ];

        public static TensorBuffer Cut(TensorBuffer tensor, int start, int count)
        {
            int width = (int)tensor.Shape[2];
            double[] values = TestTensors.ToDoubles(tensor);
            return TestTensors.FromDoubles(tensor.ElementType, [.. values.Where((_, i) => i / width % tensor.Shape[1] is var position && position >= start && position < start + count)], tensor.Shape[0], count, width);
        }

        public OperatorTester Tester(long? queryHeads = null, string without = "") => Make([.. Inputs.Select(input => input.Name == without ? null : input.Tensor)], queryHeads);

        public OperatorTester Part(int start, int count, TensorBuffer? past) =>
            Make([.. Inputs.Select(input => input.Name == "past" ? past : Cut(input.Tensor!, start, count))], null);

        public void Check() => Tester().CheckAgainst(_ => Compute());

        private OperatorTester Make(TensorBuffer?[] inputs, long? queryHeads)
        {
            OperatorTester tester = new("LinearAttention", 27) { Tolerance = Tolerance };
            Array.ForEach(inputs, input => tester.Input(input));
            tester.Output(Type).Output(Type).Attribute("q_num_heads", queryHeads ?? Heads * Group).Attribute("kv_num_heads", (long)Heads);
            if (Rule is not null)
            {
                tester.Attribute("update_rule", Rule);
            }

            return Scale == 0 ? tester : tester.Attribute("scale", Scale);
        }

        private TensorBuffer[] Compute()
        {
            double[][] inputs = [.. Inputs.Select(input => input.Tensor is null ? [] : TestTensors.ToDoubles(input.Tensor))];
            (double[] query, double[] key, double[] value, double[] past, double[] decay, double[] beta) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5]);
            string rule = Rule ?? "gated_delta";
            double[] state = past.Length > 0 ? past : new double[Items * Heads * KeySize * ValueSize];
            double[] output = new double[Items * Positions * Heads * Group * ValueSize];
            for (int item = 0; item < Items; item++)
            {
                for (int token = item * Positions; token < (item + 1) * Positions; token++)
                {
                    for (int head = 0; head < Heads; head++)
                    {
                        int At(int i, int j) => ((item * Heads + head) * KeySize + i) * ValueSize + j;
                        int place = token * Heads + head;
                        if (rule.StartsWith("gated", StringComparison.Ordinal))
                        {
                            for (int i = 0; i < KeySize * ValueSize; i++)
                            {
                                state[At(0, i)] *= Math.Exp(decay[IsDecayOfKeys ? place * KeySize + i / ValueSize : place]);
                            }
                        }

                        for (int j = 0; j < ValueSize; j++)
                        {
                            double written = value[place * ValueSize + j];
                            if (rule.EndsWith("delta", StringComparison.Ordinal))
                            {
                                for (int i = 0; i < KeySize; i++)
                                {
                                    written -= state[At(i, j)] * key[place * KeySize + i];
                                }

                                written *= beta[IsBetaOfHeads ? place : token];
                            }

                            for (int i = 0; i < KeySize; i++)
                            {
                                state[At(i, j)] += written * key[place * KeySize + i];
                            }

                            for (int q = 0; q < Group; q++)
                            {
                                int asked = place * Group + q;
                                for (int i = 0; i < KeySize; i++)
                                {
                                    output[asked * ValueSize + j] += (Scale == 0 ? 1 / Math.Sqrt(KeySize) : Scale) * query[asked * KeySize + i] * state[At(i, j)];
                                }
                            }
                        }
                    }
                }
            }

            return [TestTensors.FromDoubles(Type, output, Items, Positions, Heads * Group * ValueSize), TestTensors.FromDoubles(Type, state, Items, Heads, KeySize, ValueSize)];
        }
    }
}
