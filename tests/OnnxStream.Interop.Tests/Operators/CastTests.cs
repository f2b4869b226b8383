namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class CastTests
{
    private static readonly ElementType[] s_types =
    [
        ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.Int64, ElementType.Int32, ElementType.Int16,
        ElementType.Int8, ElementType.UInt8, ElementType.UInt16, ElementType.UInt32, ElementType.UInt64, ElementType.Bool,
    ];

    private static readonly ElementType[] s_reals = [ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16];

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
        new OperatorTester("Cast", 24).Input(TestTensors.Floats(1, 3)).Attribute("to", 24).Attribute("round_mode", "sideways").Fails<InvalidGraphException>();
    }

    [Test]
    public void ToNarrowFloats([ValueSource(nameof(NarrowFloats))] ElementType to, [ValueSource(nameof(s_reals))] ElementType from, [Values] bool saturate, [Values("up", "down", "nearest")] string roundMode)
    {
        double[] numbers = NarrowFormat.Numbers(to);
        TensorBuffer input = TestTensors.FromDoubles(from, numbers, numbers.Length);
        CheckBytes(
            Narrow(input, to).Attribute("saturate", saturate ? 1 : 0).Attribute("round_mode", roundMode),
            [.. TestTensors.ToDoubles(input).Select(number => (byte)NarrowFormat.Code(to, number, saturate, roundMode))]);
    }

    [Test]
    public void IntegersToNarrowFloats([ValueSource(nameof(NarrowFloats))] ElementType to, [ValueSource(nameof(s_types))] ElementType from)
    {
        TensorBuffer input = TestTensors.Random(from, 1, 0, from == ElementType.Bool ? 1 : 120, 700);
        CheckBytes(Narrow(input, to), [.. TestTensors.ToDoubles(input).Select(number => (byte)NarrowFormat.Code(to, number))]);
    }

    [Test]
    public void LargeIntegersToNarrowFloats([ValueSource(nameof(NarrowFloats))] ElementType to)
    {
        TensorBuffer input = TestTensors.Integers(long.MaxValue, long.MinValue, 449, 464, 465, -464, -465, 61439, 61440, 61441, (1L << 53) + 1, -1);
        CheckBytes(Narrow(input, to), [.. input.Span<long>().ToArray().Select(number => (byte)NarrowFormat.Code(to, number))]);
        TensorBuffer unsigned = TensorBuffer.Create<ulong>([ulong.MaxValue, 1UL << 63, 3], 3);
        CheckBytes(Narrow(unsigned, to), [.. unsigned.Span<ulong>().ToArray().Select(number => (byte)NarrowFormat.Code(to, number))]);
    }

    [Test]
    public void FromEveryCode([ValueSource(nameof(NarrowFloats))] ElementType from, [Values(ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16)] ElementType to)
    {
        double[] numbers = [.. Enumerable.Range(0, Codes(from)).Select(code => NarrowFormat.Number(from, code))];
        TensorBuffer output = Narrow(EveryCode(from), to).Run();
        double[] actual = TestTensors.ToDoubles(output);
        double[] expected = TestTensors.ToDoubles(TestTensors.FromDoubles(to, numbers, numbers.Length));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.That(actual[i].Equals(expected[i]) && (double.IsNaN(expected[i]) || double.IsNegative(actual[i]) == double.IsNegative(expected[i])), Is.True, () => $"code {i} is {actual[i]}, expected {expected[i]}");
        }
    }

    [Test]
    public void FromEveryCodeToIntegers([ValueSource(nameof(NarrowFloats))] ElementType from, [Values(ElementType.Int64, ElementType.Int32, ElementType.Int16, ElementType.UInt16, ElementType.Bool)] ElementType to)
    {
        byte[] codes = [.. Enumerable.Range(0, Codes(from)).Where(code => Math.Abs(NarrowFormat.Number(from, code)) < 30_000 && (NarrowFormat.Number(from, code) >= 0 || to != ElementType.UInt16)).Select(code => (byte)code)];
        TensorBuffer input = new(from, new Shape(codes.Length));
        codes.CopyTo(input.Bytes);
        double[] expected = [.. codes.Select(code => NarrowFormat.Number(from, code)).Select(number => to == ElementType.Bool ? number != 0 ? 1 : 0 : Math.Truncate(number))];
        Assert.That(TestTensors.ToDoubles(Narrow(input, to).Run()), Is.EqualTo(expected));
    }

    [Test]
    public void BetweenNarrowFloats([ValueSource(nameof(NarrowFloats))] ElementType from, [ValueSource(nameof(NarrowFloats))] ElementType to, [Values] bool saturate)
    {
        byte[] expected = [.. Enumerable.Range(0, Codes(from)).Select(code => from == to ? (byte)code : (byte)NarrowFormat.Code(to, NarrowFormat.Number(from, code), saturate))];
        TensorBuffer output = Narrow(EveryCode(from), to).Attribute("saturate", saturate ? 1 : 0).Run();
        for (int i = 0; i < expected.Length; i++)
        {
            // Nothing is said about the sign of NaN that came from NaN without one.
            bool isNaN = double.IsNaN(NarrowFormat.Number(to, expected[i])) && double.IsNaN(NarrowFormat.Number(to, output.Bytes[i]));
            Assert.That(isNaN || output.Bytes[i] == expected[i], Is.True, $"code {i} becomes {output.Bytes[i]}, expected {expected[i]}");
        }
    }

    [Test]
    public void ToNarrowIntegers([ValueSource(nameof(NarrowIntegers))] (ElementType Type, int Least, int Most) to, [Values(ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16, ElementType.Int64, ElementType.Int32, ElementType.Int16, ElementType.Int8)] ElementType from)
    {
        // Rounded to even; what is out of range keeps its low bits, as the cases of the ONNX project have it.
        double[] numbers = [.. Enumerable.Range(-200, 400).Select(i => i / 8.0), 100, -100, 120.5];
        TensorBuffer input = TestTensors.FromDoubles(from, numbers, numbers.Length);
        int count = to.Most - to.Least + 1;
        CheckBytes(Narrow(input, to.Type), [.. TestTensors.ToDoubles(input).Select(number => (int)Math.Round(number)).Select(number => (byte)((((number - to.Least) % count) + count) % count + to.Least))]);
    }

    [Test]
    public void NaNBecomesNarrowZero([ValueSource(nameof(NarrowIntegers))] (ElementType Type, int Least, int Most) to) =>
        CheckBytes(Narrow(TensorBuffer.Create<float>([float.NaN, -0f, float.Epsilon], 3), to.Type), [0, 0, 0]);

    [Test]
    public void FromNarrowIntegers([ValueSource(nameof(NarrowIntegers))] (ElementType Type, int Least, int Most) from, [ValueSource(nameof(s_types))] ElementType to)
    {
        double[] numbers = [.. Enumerable.Range(from.Least, from.Most - from.Least + 1).Where(number => number >= 0 || !to.ToOnnxName().StartsWith('u'))];
        double[] expected = to == ElementType.Bool ? [.. numbers.Select(number => number == 0 ? 0.0 : 1)] : numbers;
        Assert.That(TestTensors.ToDoubles(Narrow(TestTensors.FromDoubles(from.Type, numbers, numbers.Length), to).Run()), Is.EqualTo(expected));
    }

    [Test]
    public void BetweenNarrowIntegers([ValueSource(nameof(NarrowIntegers))] (ElementType Type, int Least, int Most) from, [ValueSource(nameof(NarrowIntegers))] (ElementType Type, int Least, int Most) to)
    {
        double[] numbers = [.. Enumerable.Range(from.Least, from.Most - from.Least + 1)];
        int count = to.Most - to.Least + 1;
        CheckBytes(Narrow(TestTensors.FromDoubles(from.Type, numbers, numbers.Length), to.Type), [.. numbers.Select(number => (byte)(((((int)number - to.Least) % count) + count) % count + to.Least))]);
    }

    [Test]
    public void NarrowFloatsToNarrowIntegersAndBack([ValueSource(nameof(NarrowFloats))] ElementType type, [ValueSource(nameof(NarrowIntegers))] (ElementType Type, int Least, int Most) integers)
    {
        double[] numbers = [.. Enumerable.Range(integers.Least, integers.Most - integers.Least + 1)];
        TensorBuffer input = TestTensors.FromDoubles(integers.Type, numbers, numbers.Length);
        CheckBytes(Narrow(input, type), [.. numbers.Select(number => (byte)NarrowFormat.Code(type, number))]);
        double[] codes = [.. Enumerable.Range(0, Codes(type)).Select(code => NarrowFormat.Number(type, code)).Where(number => Math.Round(number) >= integers.Least && Math.Round(number) <= integers.Most)];
        CheckBytes(Narrow(TestTensors.FromDoubles(type, codes, codes.Length), integers.Type), [.. codes.Select(number => (byte)(int)Math.Round(number))]);
    }

    [Test]
    public void BytesThatAreNoElements()
    {
        TensorBuffer input = new(ElementType.Int4, new Shape(3));
        input.Bytes[1] = 0x78;
        byte[] model = Narrow(input, ElementType.Float32).BuildModel(asConstants: false);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        Assert.That(() => session.Run(new Dictionary<string, TensorBuffer> { ["i0"] = input }), Throws.TypeOf<InvalidInputException>().With.Message.Contains("'i0'").And.Message.Contains("int4").And.Message.Contains("Element 1"));
    }

    private static ElementType[] NarrowFloats => NarrowFormat.Types;

    private static (ElementType Type, int Least, int Most)[] NarrowIntegers => NarrowFormat.Integers;

    private static int Codes(ElementType type) => type == ElementType.Float4E2M1 ? 16 : 256;

    private static TensorBuffer EveryCode(ElementType type)
    {
        TensorBuffer tensor = new(type, new Shape(Codes(type)));
        for (int i = 0; i < tensor.Bytes.Length; i++)
        {
            tensor.Bytes[i] = (byte)i;
        }

        return tensor;
    }

    private static OperatorTester Narrow(TensorBuffer input, ElementType to) => new OperatorTester("Cast", 24).Input(input).Attribute("to", (int)to).Output(to);

    private static void CheckBytes(OperatorTester tester, byte[] expected) => Assert.That(tester.Run().Bytes.ToArray(), Is.EqualTo(expected), $"{tester}");
}
