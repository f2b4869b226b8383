namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class CastTests
{
    private static readonly ElementType[] s_types =
    [
        ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.Int64, ElementType.Int32, ElementType.Int16,
        ElementType.Int8, ElementType.UInt8, ElementType.UInt16, ElementType.UInt32, ElementType.UInt64, ElementType.Bool,
    ];

    [Test]
    public void EveryPair([ValueSource(nameof(s_types))] ElementType from, [ValueSource(nameof(s_types))] ElementType to) =>
        new OperatorTester("Cast", 13).Input(TestTensors.Random(from, 1, 0, 120, 3, 111)).Attribute("to", (int)to).Output(to).Check();

    [Test]
    public void NegativeNumbers(
        [Values(ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.Int64, ElementType.Int32, ElementType.Int16, ElementType.Int8)] ElementType from,
        [Values(ElementType.Float32, ElementType.Float16, ElementType.Int64, ElementType.Int32, ElementType.Int16, ElementType.Int8, ElementType.Bool)] ElementType to) =>
        new OperatorTester("Cast", 13).Input(TestTensors.Random(from, 1, -120, 120, 300)).Attribute("to", (int)to).Output(to).Check();

    [TestCase(ElementType.Int32)]
    [TestCase(ElementType.Int16)]
    [TestCase(ElementType.Int8)]
    [TestCase(ElementType.UInt8)]
    [TestCase(ElementType.UInt32)]
    [TestCase(ElementType.UInt64)]
    public void IntegersWrapAround(ElementType to) =>
        new OperatorTester("Cast", 13).Input(TestTensors.Integers(-1, 300, 70000, 1L << 33, (1L << 40) + 5, long.MaxValue, long.MinValue, -70000)).Attribute("to", (int)to).Output(to).Check();

    [TestCase(ElementType.Int16)]
    [TestCase(ElementType.Int8)]
    [TestCase(ElementType.UInt8)]
    [TestCase(ElementType.UInt16)]
    public void RealsBeyondNarrowIntegers(ElementType to) =>
        new OperatorTester("Cast", 13).Input(TensorBuffer.Create<float>([-1.7f, 300.9f, -129, 70000, -70000, 127.99f, 255.5f], 7)).Attribute("to", (int)to).Output(to).Check();

    [Test]
    public void SpecialNumbers([Values(ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.Bool)] ElementType to) =>
        new OperatorTester("Cast", 13).Input(TensorBuffer.Create<float>([float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 1e-8f, 65519, 65520, 1e30f, 5.97e-8f], 9)).Attribute("to", (int)to).Output(to).Check();

    [Test]
    public void RealsBeyondWideIntegersSaturate()
    {
        long[] expected = [long.MaxValue, long.MinValue, 0];
        using TemporaryFolder folder = new();
        TensorBuffer input = TensorBuffer.Create<float>([1e30f, -1e30f, float.NaN], 3);
        using InferenceSession session = new(folder.Write("model.onnx", new OperatorTester("Cast", 13).Input(input).Attribute("to", 7).Output(ElementType.Int64).BuildModel(asConstants: false)));
        Assert.That(session.Run(new Dictionary<string, TensorBuffer> { ["i0"] = input })["o0"].Span<long>().ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void BrainFloats([Values(ElementType.Float32, ElementType.Int32, ElementType.Float16)] ElementType type)
    {
        byte[] model = new ModelBuilder(13).Input("x", type, 300).Node("Cast", "x", "b", ("to", 16)).Node("Cast", "b", "o", ("to", (int)type)).Output("o", type).ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Random(type, 1, -5000, 5000, 300) };
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        TestTensors.AssertClose(session.Run(inputs)["o"], Oracle.Run(model, inputs)["o"], 0, $"{type}");
    }

    [Test]
    public void BrainFloatsOfEveryType([ValueSource(nameof(s_types))] ElementType type)
    {
        new OperatorTester("Cast", 13).Input(TestTensors.Random(type, 1, 0, 120, 300)).Attribute("to", (int)ElementType.BFloat16).Output(ElementType.BFloat16).Check();
        new OperatorTester("Cast", 13).Input(TestTensors.Random(ElementType.BFloat16, 1, 0, 120, 300)).Attribute("to", (int)type).Output(type).Check();
    }

    [Test]
    public void HalfPrecisionWeightIsReadAsItIs()
    {
        // The weight is streamed by MatMul; nothing holds it in single precision.
        byte[] model = new ModelBuilder(13).Initializer("w", TestTensors.Random(ElementType.Float16, 1, -1, 1, 2048, 1024)).Input("x", ElementType.Float32, 2, 2048)
            .Node("Cast", "w", "wide", ("to", 1)).Node("MatMul", "x wide", "o").Output("o").ToBytes();
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(2, 2, 2048) };
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model), new SessionOptions { KeptPanelBytes = 0 });
        RunResult result = session.Run(inputs);
        TestTensors.AssertClose(result["o"], Oracle.Run(model, inputs)["o"], 5e-4, "product");
        Assert.That(result.Statistics.PeakNativeBytes - 2048 * 1024 * 2, Is.LessThan(2048 * 1024 * 4), "beside the weight as it is stored");
    }

    [Test]
    public void HalfPrecisionWeightAsOutput()
    {
        byte[] model = new ModelBuilder(13).Initializer("w", TestTensors.Random(ElementType.Float16, 1, -1, 1, 70, 20)).Node("Cast", "w", "o", ("to", 1)).Output("o").ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        TestTensors.AssertClose(session.Run(new Dictionary<string, TensorBuffer>())["o"], Oracle.Run(model, new Dictionary<string, TensorBuffer>())["o"], 0, "weight");
    }

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Cast", 13).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("Cast", 13).Input(TestTensors.Floats(1, 3)).Attribute("to", 8).Fails<UnsupportedOperatorException>();
        new OperatorTester("Cast", 13).Input(TestTensors.Floats(1, 3)).Attribute("to", 12345).Fails<UnsupportedOperatorException>();
        new OperatorTester("Cast", 13).Input(TestTensors.Floats(1, 3)).Attribute("to", "float").Fails<InvalidGraphException>();
    }
}
