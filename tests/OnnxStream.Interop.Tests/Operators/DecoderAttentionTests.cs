namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class DecoderAttentionTests
{
    private const string Domain = "com.microsoft";

    [Test]
    public void Cache([Values(0, 1, 5)] int past, [Values] bool isPacked, [Values] bool hasBias, [Values] bool hasMask)
    {
        OperatorTester tester = new OperatorTester("DecoderMaskedMultiHeadAttention", 17, Domain);
        _ = isPacked ? tester.Input(TestTensors.Floats(1, 2, 1, 48)).Input(null).Input(null) : tester.Input(TestTensors.Floats(1, 2, 1, 16)).Input(TestTensors.Floats(2, 2, 1, 16)).Input(TestTensors.Floats(3, 2, 1, 16));
        tester.Input(hasMask ? TestTensors.FromDoubles(ElementType.Int32, [.. Enumerable.Range(0, 2 * (past + 1)).Select(i => i % 3 == 1 ? 0.0 : 1)], 2, past + 1) : null).Input(null).Input(TestTensors.Floats(4, 2, 2, 6, 8)).Input(TestTensors.Floats(5, 2, 2, 6, 8)).Input(TestTensors.FromDoubles(ElementType.Int32, [past], 1));
        tester.Input(null).Input(null).Input(hasBias ? TestTensors.Floats(6, 48) : null);
        tester.Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Attribute("num_heads", 2).Attribute("past_present_share_buffer", 1);
        tester.CheckAgainst(_ => Compute(past, hasBias, hasMask, isPacked ? TestTensors.Floats(1, 2, 1, 48) : null));
    }

    [Test]
    public void GivenKeys([Values] bool hasMask, [Values(0f, 0.25f)] float scale)
    {
        OperatorTester tester = new OperatorTester("DecoderMaskedMultiHeadAttention", 17, Domain).Input(TestTensors.Floats(1, 2, 1, 16)).Input(TestTensors.Floats(2, 2, 2, 5, 8)).Input(TestTensors.Floats(3, 2, 2, 5, 8));
        _ = hasMask ? tester.Input(TestTensors.FromDoubles(ElementType.Int32, [1, 1, 0, 1, 1, 1, 0, 0, 1, 1], 2, 5)) : tester;
        _ = scale == 0 ? tester : tester.Attribute("scale", scale);
        tester.Attribute("num_heads", 2).Check();
    }

    [Test]
    public void Refusals()
    {
        OperatorTester Make(int past, TensorBuffer? beams) => new OperatorTester("DecoderMaskedMultiHeadAttention", 17, Domain).Input(TestTensors.Floats(1, 2, 1, 16)).Input(TestTensors.Floats(2, 2, 1, 16)).Input(TestTensors.Floats(3, 2, 1, 16)).Input(null).Input(null)
            .Input(TestTensors.Floats(4, 2, 2, 6, 8)).Input(TestTensors.Floats(5, 2, 2, 6, 8)).Input(TestTensors.FromDoubles(ElementType.Int32, [past], 1)).Input(beams).Attribute("num_heads", 2).Attribute("past_present_share_buffer", 1);
        Make(6, null).Fails<InvalidGraphException>();
        Make(-1, null).Fails<InvalidGraphException>();
        Make(2, TestTensors.FromDoubles(ElementType.Int32, [2], 1)).Fails<UnsupportedOperatorException>();
    }

    // ONNX Runtime's MultiHeadAttention with the tokens that are in the cache, and its cache with the new token in its place.
    private static TensorBuffer[] Compute(int past, bool hasBias, bool hasMask, TensorBuffer? packed)
    {
        TensorBuffer[] tokens = packed is null ? [TestTensors.Floats(1, 2, 1, 16), TestTensors.Floats(2, 2, 1, 16), TestTensors.Floats(3, 2, 1, 16)] : [.. Enumerable.Range(0, 3).Select(part => TestTensors.FromDoubles(ElementType.Float32, [.. TestTensors.ToDoubles(packed).Where((_, i) => i / 16 % 3 == part)], 2, 1, 16))];
        TensorBuffer[] caches = [TestTensors.Floats(4, 2, 2, 6, 8), TestTensors.Floats(5, 2, 2, 6, 8)];
        OperatorTester tester = new OperatorTester("MultiHeadAttention", 17, Domain);
        Array.ForEach(tokens, token => tester.Input(token));
        tester.Input(hasBias ? TestTensors.Floats(6, 48) : null).Input(hasMask ? TestTensors.FromDoubles(ElementType.Int32, [.. Enumerable.Range(0, 2 * (past + 1)).Select(i => i % 3 == 1 ? 0.0 : 1)], 2, past + 1) : null).Input(null);
        if (past > 0)
        {
            tester.Input(Front(caches[0], past)).Input(Front(caches[1], past));
        }

        tester.Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Attribute("num_heads", 2);
        Dictionary<string, TensorBuffer> results = Oracle.Run(tester.BuildModel(asConstants: true), new Dictionary<string, TensorBuffer>());
        return [results["o0"], Filled(results["o1"], caches[0]), Filled(results["o2"], caches[1])];
    }

    private static TensorBuffer Front(TensorBuffer cache, int past) => TestTensors.FromDoubles(ElementType.Float32, [.. TestTensors.ToDoubles(cache).Where((_, i) => i / 8 % 6 < past)], 2, 2, past, 8);

    private static TensorBuffer Filled(TensorBuffer present, TensorBuffer cache)
    {
        double[] whole = TestTensors.ToDoubles(cache);
        double[] front = TestTensors.ToDoubles(present);
        int length = (int)present.Shape[2];
        for (int i = 0; i < front.Length; i++)
        {
            whole[i / (length * 8) * 48 + i % (length * 8)] = front[i];
        }

        return TestTensors.FromDoubles(ElementType.Float32, whole, 2, 2, 6, 8);
    }
}
