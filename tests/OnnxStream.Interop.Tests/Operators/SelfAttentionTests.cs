namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SelfAttentionTests
{
    private const int Batch = 2;
    private const int Tokens = 5;
    private const int Heads = 3;

    [Test]
    public void AgreesWithOnnxRuntime([Values(null, "lengths", "ends and starts", "keys", "each", "one")] string? mask, [Values(0, 1)] int unidirectional, [Values(0, 4)] int past)
    {
        OperatorTester tester = new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, Batch, Tokens, 10)).Constant(TestTensors.Floats(2, 10, 72)).Input(TestTensors.Floats(3, 72)).Input(Mask(mask, Tokens + past))
            .Attribute("num_heads", Heads).Attribute("unidirectional", unidirectional);
        _ = past > 0 ? tester.Input(TestTensors.Floats(4, 2, Batch, Heads, past, 8)) : tester;
        tester.Output(ElementType.Float32).Output(ElementType.Float32).Check();
    }

    [Test]
    public void OtherSizes([Values(0, 1)] int unidirectional) =>
        new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, Batch, Tokens, 10)).Constant(TestTensors.Floats(2, 10, 60)).Input(TestTensors.Floats(3, 60)).Input(Mask("keys", Tokens))
            .Attribute("num_heads", Heads).Attribute("qkv_hidden_sizes", new[] { 24, 24, 12 }).Attribute("scale", 0.2f).Attribute("mask_filter_value", -50f).Attribute("unidirectional", unidirectional).Check();

    [Test]
    public void Biases([Values(1, Batch)] int items, [Values(1, Heads)] int heads, [Values] bool hasMask) =>
        new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, Batch, Tokens, 10)).Constant(TestTensors.Floats(2, 10, 72)).Input(TestTensors.Floats(3, 72)).Input(hasMask ? Mask("lengths", Tokens) : null).Input(null).Input(TestTensors.Floats(4, items, heads, Tokens, Tokens))
            .Attribute("num_heads", Heads).Check();

    // ONNX Runtime cannot be asked: it reads a bias that is not there.
    [Test]
    public void WithoutBias()
    {
        TensorBuffer Run(TensorBuffer? bias) => new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, Batch, Tokens, 10)).Constant(TestTensors.Floats(2, 10, 72)).Input(bias).Attribute("num_heads", Heads).Run();
        TestTensors.AssertClose(Run(null), Run(new TensorBuffer(ElementType.Float32, new Shape(72))), 1e-6, "attention");
    }

    // ONNX Runtime has this mask on graphics processors only.
    [Test]
    public void MaskOfAllPositions()
    {
        TensorBuffer all = TestTensors.FromDoubles(ElementType.Int32, [.. Enumerable.Range(0, 2 * 81).Select(i => i % 81 % 9 <= i % 81 / 9 ? 1.0 : 0)], 2, 1, 9, 9);
        TensorBuffer Run(TensorBuffer? mask, int unidirectional) => new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, Batch, Tokens, 10)).Constant(TestTensors.Floats(2, 10, 72)).Input(null).Input(mask).Input(TestTensors.Floats(4, 2, Batch, Heads, 2, 8))
            .Attribute("num_heads", Heads).Attribute("unidirectional", unidirectional).Run();
        TestTensors.AssertClose(Run(all, 0), Run(null, 1), 1e-5, "mask");
    }

    [Test]
    public void Quantized([Values(ElementType.UInt8, ElementType.Int8)] ElementType weight, [Values(null, "lengths", "keys")] string? mask, [Values(0, 1)] int unidirectional, [Values] bool isPerColumn, [Values] bool hasZeros)
    {
        OperatorTester tester = new OperatorTester("QAttention", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, Batch, Tokens, 10)).Constant(TestTensors.ByteWeights(weight, 2, 10, 72)).Input(TestTensors.Floats(3, 72)).Input(TestTensors.Scalar(ElementType.Float32, 0.01))
            .Input(isPerColumn ? TestTensors.Random(ElementType.Float32, 4, 0.005, 0.02, 72) : TestTensors.Scalar(ElementType.Float32, 0.01)).Input(Mask(mask, Tokens)).Input(hasZeros ? TestTensors.Scalar(ElementType.UInt8, 120) : null).Input(hasZeros ? isPerColumn ? TestTensors.Bytes(weight, 5, 72) : TestTensors.Scalar(weight, 9) : null)
            .Attribute("num_heads", Heads).Attribute("unidirectional", unidirectional);
        tester.Check();
    }

    [Test]
    public void QuantizedWithTokensOfBefore() =>
        new OperatorTester("QAttention", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, Batch, Tokens, 10)).Constant(TestTensors.ByteWeights(ElementType.Int8, 2, 10, 72)).Input(TestTensors.Floats(3, 72)).Input(TestTensors.Scalar(ElementType.Float32, 0.01))
            .Input(TestTensors.Scalar(ElementType.Float32, 0.01)).Input(Mask("keys", Tokens + 4)).Input(TestTensors.Scalar(ElementType.UInt8, 120)).Input(TestTensors.Scalar(ElementType.Int8, 9)).Input(TestTensors.Floats(4, 2, Batch, Heads, 4, 8))
            .Attribute("num_heads", Heads).Attribute("unidirectional", 1).Output(ElementType.Float32).Output(ElementType.Float32).Check();

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 10)).Input(TestTensors.Floats(2, 10, 70)).Attribute("num_heads", 3).Fails<InvalidGraphException>();
        new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, 5, 10)).Input(TestTensors.Floats(2, 10, 72)).Attribute("num_heads", 3).Fails<InvalidGraphException>();
        new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 10)).Input(TestTensors.Floats(2, 10, 72)).Attribute("num_heads", 3).Attribute("qkv_hidden_sizes", new[] { 24, 24 }).Fails<InvalidGraphException>();
        new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 10)).Input(TestTensors.Floats(2, 10, 72)).Attribute("num_heads", 3).Attribute("do_rotary", 1).Fails<UnsupportedOperatorException>();
        new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 10)).Input(TestTensors.Floats(2, 10, 72)).Input(null).Input(TestTensors.Random(ElementType.Int32, 3, 0, 1, 3, 5)).Attribute("num_heads", 3).Fails<UnsupportedOperatorException>();
        new OperatorTester("Attention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 10)).Input(TestTensors.Floats(2, 10, 72)).Input(null).Input(null).Input(TestTensors.Floats(4, 3, 2, 3, 4, 8)).Attribute("num_heads", 3).Fails<InvalidGraphException>();
    }

    private static TensorBuffer? Mask(string? kind, int keys) => kind switch
    {
        null => null,
        "lengths" => TensorBuffer.Create<int>([keys, 3], Batch),
        "ends and starts" => TensorBuffer.Create<int>([keys - 1, 4, 2, 1], 2 * Batch),
        "keys" => TestTensors.FromDoubles(ElementType.Int32, [.. Enumerable.Range(0, Batch * keys).Select(i => i % 4 == 2 ? 0.0 : 1)], Batch, keys),
        "each" => TestTensors.FromDoubles(ElementType.Int32, [.. Enumerable.Range(0, Batch * Tokens * keys).Select(i => i % 7 == 3 ? 0.0 : 1)], Batch, Tokens, keys),
        _ => TensorBuffer.Create<int>([0], 1, 1),
    };
}
