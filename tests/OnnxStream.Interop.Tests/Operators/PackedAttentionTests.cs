namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has these operators on graphics processors only: packed tokens give what the padded ones give in Attention and MultiHeadAttention.
[NativeMemoryLeakCheck]
public class PackedAttentionTests
{
    private const string Domain = "com.microsoft";
    private const int Size = 12;

    private static readonly int[] s_lengths = [2, 4, 1];

    [Test]
    public void Projected([Values] bool hasBias, [Values(0f, 0.3f)] float scale, [Values] bool hasSizes)
    {
        long[] sizes = hasSizes ? [8, 8, 4] : [8, 8, 8];
        TensorBuffer padded = TestTensors.Floats(1, 3, 4, Size);
        TensorBuffer weight = TestTensors.Random(ElementType.Float32, 2, -1, 1, Size, sizes.Sum());
        TensorBuffer bias = TestTensors.Floats(3, sizes.Sum());
        TensorBuffer? added = hasBias ? TestTensors.Floats(4, 1, 2, 4, 4) : null;
        OperatorTester whole = new OperatorTester("Attention", 17, Domain).Input(padded).Input(weight).Input(bias).Input(TensorBuffer.Create(s_lengths, 3)).Input(null).Input(added).Attribute("num_heads", 2).Attribute("mask_filter_value", float.MinValue);
        OperatorTester packed = new OperatorTester("PackedAttention", 17, Domain).Input(Pack(padded)).Input(weight).Input(bias).Input(Offsets()).Input(Ends()).Input(added).Attribute("num_heads", 2);
        foreach (OperatorTester tester in new[] { whole, packed })
        {
            _ = scale == 0 ? tester : tester.Attribute("scale", scale);
            _ = hasSizes ? tester.Attribute("qkv_hidden_sizes", sizes) : tester;
        }

        packed.CheckAgainst(_ => [Pack(Oracle.Run(whole.BuildModel(asConstants: true), new Dictionary<string, TensorBuffer>())["o0"])]);
    }

    [Test]
    public void Given([Values] bool hasBias, [Values] bool isOne)
    {
        TensorBuffer[] padded = [TestTensors.Floats(1, 3, 4, 8), TestTensors.Floats(2, 3, 4, 8), TestTensors.Floats(3, 3, 4, 8)];
        TensorBuffer? bias = hasBias ? TestTensors.Floats(4, 24) : null;
        OperatorTester whole = new OperatorTester("MultiHeadAttention", 17, Domain).Input(padded[0]).Input(padded[1]).Input(padded[2]).Input(bias).Input(TensorBuffer.Create(s_lengths, 3)).Attribute("num_heads", 2).Attribute("mask_filter_value", float.MinValue);
        OperatorTester packed = new OperatorTester("PackedMultiHeadAttention", 17, Domain);
        _ = isOne ? packed.Input(Together([.. padded.Select(Pack)])).Input(null).Input(null) : packed.Input(Pack(padded[0])).Input(Pack(padded[1])).Input(Pack(padded[2]));
        packed.Input(bias).Input(Offsets()).Input(Ends()).Attribute("num_heads", 2).CheckAgainst(_ => [Pack(Oracle.Run(whole.BuildModel(asConstants: true), new Dictionary<string, TensorBuffer>())["o0"])]);
    }

    [Test]
    public void WrongInputs()
    {
        OperatorTester Make(long heads, params long[] ends) => new OperatorTester("PackedAttention", 17, Domain).Input(TestTensors.Floats(1, 7, Size)).Input(TestTensors.Floats(2, Size, 24)).Input(TestTensors.Floats(3, 24)).Input(Offsets()).Input(TestTensors.FromDoubles(ElementType.Int32, [.. ends.Select(end => (double)end)], ends.Length)).Attribute("num_heads", heads);
        Make(5, 0, 2, 6, 7).Fails<InvalidGraphException>();
        Make(2, 0, 2, 7).Fails<InvalidGraphException>();
        new OperatorTester("PackedMultiHeadAttention", 17, Domain).Input(TestTensors.Floats(1, 7, 8)).Input(TestTensors.Floats(1, 6, 8)).Input(TestTensors.Floats(1, 7, 8)).Input(null).Input(Offsets()).Input(Ends()).Attribute("num_heads", 2).Fails<InvalidGraphException>();
    }

    // [tokens, heads * size] three times as [tokens, heads, 3, size].
    private static TensorBuffer Together(TensorBuffer[] parts)
    {
        double[][] numbers = [.. parts.Select(TestTensors.ToDoubles)];
        return TestTensors.FromDoubles(ElementType.Float32, [.. from token in Enumerable.Range(0, 7) from head in Enumerable.Range(0, 2) from part in Enumerable.Range(0, 3) from i in Enumerable.Range(0, 4) select numbers[part][token * 8 + head * 4 + i]], 7, 2, 3, 4);
    }

    private static int[] Places() => [.. s_lengths.SelectMany((length, item) => Enumerable.Range(item * 4, length))];

    private static TensorBuffer Offsets() => TensorBuffer.Create<int>([.. Places(), .. Enumerable.Range(0, 12).Except(Places())], 3, 4);

    private static TensorBuffer Ends() => TensorBuffer.Create<int>([0, 2, 6, 7], 4);

    private static TensorBuffer Pack(TensorBuffer padded)
    {
        int size = (int)padded.Shape[2];
        double[] numbers = TestTensors.ToDoubles(padded);
        return TestTensors.FromDoubles(padded.ElementType, [.. Places().SelectMany(place => numbers[(place * size)..((place + 1) * size)])], s_lengths.Sum(), size);
    }
}
