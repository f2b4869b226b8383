namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class AttentionTests
{
    [Test]
    public void Heads([Values(0, 1)] int causal, [Values("none", "bool", "float")] string mask, [Values(4, 2)] int keyHeads)
    {
        OperatorTester tester = new OperatorTester("Attention", 23).Input(TestTensors.Floats(1, 2, 4, 5, 8)).Input(TestTensors.Floats(2, 2, keyHeads, 7, 8)).Input(TestTensors.Floats(3, 2, keyHeads, 7, 6)).Attribute("is_causal", causal);
        TensorBuffer bools = TestTensors.Random(ElementType.Bool, 4, -1, 1, 5, 7);
        for (int i = 0; i < 5; i++)
        {
            // Every query sees something.
            bools.Span<bool>()[i * 7] = true;
        }

        _ = mask == "none" ? tester : tester.Input(mask == "bool" ? bools : TestTensors.Floats(4, 2, 1, 5, 7));
        tester.Check();
    }

    [Test]
    public void QueriesWithoutKeysGiveZeros([Values(0, 1)] int causal, [Values("bool", "float", "length")] string mask, [Values(4, 2)] int keyHeads, [Values] bool perHead, [Values] bool isTokens)
    {
        TensorBuffer Tensor(int seed, int heads, int tokens) => isTokens ? TestTensors.Floats(seed, 2, tokens, heads * 8) : TestTensors.Floats(seed, 2, heads, tokens, 8);

        OperatorTester tester = new OperatorTester("Attention", 24).Input(Tensor(1, 4, 6)).Input(Tensor(2, keyHeads, 9)).Input(Tensor(3, keyHeads, 9)).Attribute("is_causal", causal);
        _ = isTokens ? tester.Attribute("q_num_heads", 4).Attribute("kv_num_heads", keyHeads) : tester;
        long[] shape = perHead ? [2, 4, 6, 9] : [6, 9];
        switch (mask)
        {
            case "bool":
                TensorBuffer bools = TestTensors.Random(ElementType.Bool, 4, -1, 1, shape);
                bools.Span<bool>().Slice(2 * 9, 9).Clear();
                tester.Input(bools);
                break;
            case "float":
                TensorBuffer floats = TestTensors.Floats(4, shape);
                floats.Span<float>().Slice(2 * 9, 9).Fill(float.NegativeInfinity);
                tester.Input(floats);
                break;
            default:
                tester.Input(perHead ? TestTensors.Floats(4, shape) : null).Input(null).Input(null).Input(TensorBuffer.Create<long>([0, 5], 2));
                break;
        }

        tester.Check();
    }

    [Test]
    public void Tokens([Values(0.3f, 0)] float scale, [Values(0, 2.5f)] float softCap)
    {
        OperatorTester tester = new OperatorTester("Attention", 23).Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Floats(2, 2, 7, 12)).Input(TestTensors.Floats(3, 2, 7, 10)).Attribute("q_num_heads", 4).Attribute("kv_num_heads", 2).Attribute("softcap", softCap);
        _ = scale > 0 ? tester.Attribute("scale", scale) : tester;
        tester.Check();
    }

    [Test]
    public void KeysAndValuesOfBefore([Values(0, 1)] int causal, [Values] bool hasMask) =>
        new OperatorTester("Attention", 23).Input(TestTensors.Floats(1, 2, 4, 3, 8)).Input(TestTensors.Floats(2, 2, 2, 3, 8)).Input(TestTensors.Floats(3, 2, 2, 3, 8)).Input(hasMask ? TestTensors.Floats(6, 3, 8) : null)
            .Input(TestTensors.Floats(4, 2, 2, 5, 8)).Input(TestTensors.Floats(5, 2, 2, 5, 8)).Attribute("is_causal", causal).Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Check();

    // Where ONNX Runtime hides something, it adds a large number, not an infinite one.
    [TestCase(0, 0, 1)]
    [TestCase(0, 2.5f, 0)]
    [TestCase(1, 0, 1)]
    [TestCase(1, 2.5f, 1)]
    [TestCase(2, 0, 0)]
    [TestCase(2, 2.5f, 0)]
    [TestCase(3, 0, 1)]
    [TestCase(3, 2.5f, 1)]
    public void Products(int mode, float softCap, int causal) =>
        new OperatorTester("Attention", 23).Input(TestTensors.Floats(1, 2, 4, 5, 8)).Input(TestTensors.Floats(2, 2, 2, 7, 8)).Input(TestTensors.Floats(3, 2, 2, 7, 6)).Input(TestTensors.Floats(4, 5, 7))
            .Attribute("qk_matmul_output_mode", mode).Attribute("softcap", softCap).Attribute("is_causal", causal)
            .Output(ElementType.Float32).Output(ElementType.Undefined).Output(ElementType.Undefined).Output(ElementType.Float32).Check();

    [Test]
    public void PartsOfABuffer([Values(0, 1)] int causal, [Values] bool hasMask) =>
        new OperatorTester("Attention", 24).Input(TestTensors.Floats(1, 2, 4, 3, 8)).Input(TestTensors.Floats(2, 2, 2, 7, 8)).Input(TestTensors.Floats(3, 2, 2, 7, 6)).Input(hasMask ? TestTensors.Floats(4, 3, 7) : null).Input(null).Input(null)
            .Input(TestTensors.Integers(5, 7)).Attribute("is_causal", causal).Check();

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("Attention", 24).Input(TestTensors.Floats(1, 2, 4, 5, 8)).Input(TestTensors.Floats(2, 2, 4, 7, 8)).Input(TestTensors.Floats(3, 2, 4, 7, 6)).Input(null).Input(null).Input(null).Input(TestTensors.Integers(3)).Fails<InvalidGraphException>();
        new OperatorTester("Attention", 23).Input(TestTensors.Floats(1, 2, 4, 5, 8)).Input(TestTensors.Floats(2, 2, 4, 7, 8)).Input(TestTensors.Floats(3, 2, 4, 7, 6)).Attribute("qk_matmul_output_mode", 4)
            .Output(ElementType.Float32).Output(ElementType.Undefined).Output(ElementType.Undefined).Output(ElementType.Float32).Fails<InvalidGraphException>();
        new OperatorTester("Attention", 23).Input(TestTensors.Floats(1, 2, 5, 24)).Input(TestTensors.Floats(2, 2, 7, 12)).Input(TestTensors.Floats(3, 2, 7, 10)).Fails<InvalidGraphException>();
        new OperatorTester("Attention", 23).Input(TestTensors.Floats(1, 2, 4, 5, 8)).Input(TestTensors.Floats(2, 2, 3, 7, 8)).Input(TestTensors.Floats(3, 2, 3, 7, 6)).Fails<InvalidGraphException>();
        new OperatorTester("Attention", 23).Input(TestTensors.Floats(1, 8)).Input(TestTensors.Floats(2, 2, 2, 7, 8)).Input(TestTensors.Floats(3, 2, 2, 7, 6)).Attribute("is_causal", 1).Fails<InvalidGraphException>();
    }

    [Test]
    public void Windows([Values(-1, 0, 2, 20)] int left, [Values(-1, 0, 3)] int right, [Values(0, 1)] int causal, [Values("none", "past", "length")] string before)
    {
        const int Queries = 4;
        int past = before == "past" ? 5 : 0;
        long[] lengths = [Queries + 1, 9];
        TensorBuffer query = TestTensors.Floats(1, 2, 2, Queries, 8);
        TensorBuffer key = TestTensors.Floats(2, 2, 2, 9 - past, 8);
        TensorBuffer value = TestTensors.Floats(3, 2, 2, 9 - past, 6);
        TensorBuffer? pastKey = past > 0 ? TestTensors.Floats(4, 2, 2, past, 8) : null;
        TensorBuffer? pastValue = past > 0 ? TestTensors.Floats(5, 2, 2, past, 6) : null;
        OperatorTester tester = new OperatorTester("Attention", 25).Input(query).Input(key).Input(value).Input(null).Input(pastKey).Input(pastValue).Input(before == "length" ? TensorBuffer.Create<long>(lengths, 2) : null)
            .Attribute("is_causal", causal).Attribute("left_window_size", left).Attribute("right_window_size", right);
        tester.CheckAgainst(_ =>
        {
            (double[] q, double[] k, double[] v) = (TestTensors.ToDoubles(query), Joined(pastKey, key), Joined(pastValue, value));
            double[] result = new double[2 * 2 * Queries * 6];
            for (int row = 0; row < 2 * 2 * Queries; row++)
            {
                (int head, int position) = (row / Queries, row % Queries);
                long place = before == "length" ? lengths[head / 2] - Queries + position : past + position;
                double[] parts = new double[9];
                for (int other = 0; other < 9; other++)
                {
                    bool isSeen = (causal == 0 || other <= place) && (left < 0 || other >= place - left) && (right < 0 || other <= place + right) && (before != "length" || other < lengths[head / 2]);
                    parts[other] = isSeen ? Math.Exp(Enumerable.Range(0, 8).Sum(i => q[row * 8 + i] * k[(head * 9 + other) * 8 + i]) / Math.Sqrt(8)) : 0;
                }

                for (int i = 0; i < 6; i++)
                {
                    result[row * 6 + i] = parts.Sum() == 0 ? 0 : Enumerable.Range(0, 9).Sum(other => parts[other] * v[(head * 9 + other) * 6 + i]) / parts.Sum();
                }
            }

            return [TestTensors.FromDoubles(ElementType.Float32, result, 2, 2, Queries, 6)];
        });
    }

    [Test]
    public void RefusesWrongWindows()
    {
        TensorBuffer heads = TestTensors.Floats(1, 1, 1, 4, 8);
        new OperatorTester("Attention", 25).Input(heads).Input(heads).Input(heads).Attribute("left_window_size", -2).Fails<InvalidGraphException>();
        new OperatorTester("Attention", 24).Input(heads).Input(heads).Input(heads).Attribute("left_window_size", 2).Fails<InvalidGraphException>();
    }

    // Heads of before with those behind them, which four heads of two items have.
    private static double[] Joined(TensorBuffer? past, TensorBuffer now)
    {
        double[] last = TestTensors.ToDoubles(now);
        double[] first = past is null ? [] : TestTensors.ToDoubles(past);
        return [.. Enumerable.Range(0, 4).SelectMany(head => first[(head * first.Length / 4)..((head + 1) * first.Length / 4)].Concat(last[(head * last.Length / 4)..((head + 1) * last.Length / 4)]))];
    }
}
