using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class FlexAttentionTests
{
    [Test]
    public void Plain([Values(1, 2, 4)] int group, [Values(null, 0.25f)] float? scale) => Check(ElementType.Float32, 1e-5, group, scale, null, null);

    [TestCase(ElementType.Float64, 1e-12)]
    [TestCase(ElementType.Float16, 1.0 / 256)]
    [TestCase(ElementType.BFloat16, 1.0 / 32)]
    public void Types(ElementType type, double tolerance) => Check(type, tolerance, 2, null, null, null);

    // A graph that limits the products softly, and one that halves the softmax.
    [Test]
    public void Graphs([Values] bool changesScores, [Values] bool changesParts) =>
        Check(ElementType.Float32, 1e-5, 2, null, changesScores ? product => 2 * Math.Tanh(product / 2) : null, changesParts ? part => part * part : null);

    [Test]
    public void GraphThatReadsValuesAroundIt()
    {
        ModelBuilder builder = new(26, "ai.onnx.preview");
        GraphProto graph = new ModelBuilder(26).Input("s", ElementType.Float32, 1, 1, 2, 2).Node("Add", "s bias", "t").Output("t").Graph;
        builder.Input("q", ElementType.Float32, 1, 1, 2, 4).Input("b", ElementType.Float32, 2, 2).Node("Neg", "b", "bias").Node("ai.onnx.preview", "FlexAttention", "q q q", "o", ("score_mod", graph)).Output("o");
        TensorBuffer query = TestTensors.Floats(1, 1, 1, 2, 4);
        TensorBuffer bias = TensorBuffer.Create<float>([0, float.PositiveInfinity, 0, 0], 2, 2);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()));
        double[] result = TestTensors.ToDoubles(session.Run(new Dictionary<string, TensorBuffer> { ["q"] = query, ["b"] = bias })["o"]);

        // The first query sees the first value only.
        Assert.That(result[..4], Is.EqualTo(TestTensors.ToDoubles(query)[..4]));
    }

    [Test]
    public void RefusesWrongNodes()
    {
        TensorBuffer heads = TestTensors.Floats(1, 1, 2, 3, 4);
        Tester(heads, TestTensors.Floats(2, 1, 3, 3, 4), TestTensors.Floats(2, 1, 3, 3, 4)).Fails<InvalidGraphException>();
        Tester(heads, TestTensors.Floats(2, 1, 2, 3, 5), heads).Fails<InvalidGraphException>();
        Tester(heads, heads, TestTensors.Floats(2, 1, 2, 4, 4)).Fails<InvalidGraphException>();
        Tester(TestTensors.Floats(2, 2, 3, 4), heads, heads).Fails<InvalidGraphException>();
        Tester(heads, heads, heads).Attribute("score_mod", Graph(("ReduceSum", "s", "t"))).Fails<InvalidGraphException>();
        Tester(heads, heads, heads).Attribute("score_mod", new ModelBuilder(26).Node("Constant", "", "t", ("value_float", 1f)).Output("t").Graph).Fails<InvalidGraphException>();
        Tester(heads, heads, heads).Attribute("score_mod", Graph(("NonZero", "s", "n"), ("Cast", "n", "t"))).Fails<UnsupportedOperatorException>();
    }

    private static OperatorTester Tester(TensorBuffer query, TensorBuffer key, TensorBuffer value) => new OperatorTester("FlexAttention", 26, "ai.onnx.preview").Input(query).Input(key).Input(value);

    private static GraphProto Graph(params (string Operator, string Inputs, string Output)[] nodes)
    {
        ModelBuilder builder = new(26);
        builder.Input("s", ElementType.Float32).Initializer("two", TensorBuffer.Create<float>([2]));
        foreach ((string operatorType, string inputs, string output) in nodes)
        {
            builder.Node(operatorType, inputs, output);
        }

        return builder.Output("t").Graph;
    }

    private static void Check(ElementType type, double tolerance, int group, float? scale, Func<double, double>? changeScore, Func<double, double>? changePart)
    {
        const int Heads = 2;
        TensorBuffer query = TestTensors.Random(type, 1, -1, 1, 2, Heads * group, 3, 8);
        TensorBuffer key = TestTensors.Random(type, 2, -1, 1, 2, Heads, 5, 8);
        TensorBuffer value = TestTensors.Random(type, 3, -1, 1, 2, Heads, 5, 6);
        OperatorTester tester = new OperatorTester("FlexAttention", 26, "ai.onnx.preview") { Tolerance = tolerance }.Input(query).Input(key).Input(value).Output(type);
        _ = scale is { } given ? tester.Attribute("scale", given) : tester;
        _ = changeScore is null ? tester : tester.Attribute("score_mod", Graph(("Div", "s two", "a"), ("Tanh", "a", "b"), ("Mul", "b two", "t")));
        _ = changePart is null ? tester : tester.Attribute("prob_mod", Graph(("Mul", "s s", "t")));
        tester.CheckAgainst(_ =>
        {
            (double[] q, double[] k, double[] v) = (TestTensors.ToDoubles(query), TestTensors.ToDoubles(key), TestTensors.ToDoubles(value));
            double[] result = new double[2 * Heads * group * 3 * 6];
            for (int row = 0; row < 2 * Heads * group * 3; row++)
            {
                int head = row / 3 / group;
                double[] scores = [.. Enumerable.Range(0, 5).Select(other => Enumerable.Range(0, 8).Sum(i => q[row * 8 + i] * k[(head * 5 + other) * 8 + i]) * (scale ?? 1 / Math.Sqrt(8)))];
                double[] powers = [.. scores.Select(score => Math.Exp(changeScore?.Invoke(score) ?? score))];
                double[] parts = [.. powers.Select(power => power / powers.Sum()).Select(part => changePart?.Invoke(part) ?? part)];
                for (int i = 0; i < 6; i++)
                {
                    result[row * 6 + i] = Enumerable.Range(0, 5).Sum(other => parts[other] * v[(head * 5 + other) * 6 + i]);
                }
            }

            return [TestTensors.FromDoubles(type, result, 2, Heads * group, 3, 6)];
        });
    }
}
