namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class BitCastTests
{
    private static readonly ElementType[] s_types = [.. Enum.GetValues<ElementType>().Where(type => type.SizeOf() > 0)];

    [TestCaseSource(nameof(Pairs))]
    public void KeepsBits(ElementType from, ElementType to)
    {
        TensorBuffer input = new(from, new Shape(3, 5));
        new Random(1).NextBytes(input.Bytes);
        if (from == ElementType.Bool)
        {
            TestTensors.Random(from, 1, -1, 1, 3, 5).Bytes.CopyTo(input.Bytes);
        }

        TensorBuffer expected = new(to, input.Shape);
        for (int i = 0; i < input.Bytes.Length; i++)
        {
            input.Bytes[i] = Held(input.Bytes[i], from);
            expected.Bytes[i] = Held(input.Bytes[i], to);
        }

        TensorBuffer actual = new OperatorTester("BitCast", 26).Input(input).Attribute("to", (long)to).Output(to).Run();
        TensorBuffer folded = new OperatorTester("BitCast", 26).Constant(input).Attribute("to", (long)to).Output(to).Run();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(actual.Type, Is.EqualTo(expected.Type));
            Assert.That(actual.Bytes.SequenceEqual(expected.Bytes), Is.True);
            Assert.That(folded.Bytes.SequenceEqual(expected.Bytes), Is.True);
        }
    }

    // A value in the middle of a graph: what is taken for other bits is computed in the type that the model says.
    [Test]
    public void OfComputedValues([Values(ElementType.Float32, ElementType.Float16)] ElementType type)
    {
        ElementType bits = type == ElementType.Float32 ? ElementType.Int32 : ElementType.Int16;
        ModelBuilder builder = new(26);
        builder.Input("x", type, 2, 3).Node("Neg", "x", "n").Node("BitCast", "n", "b", ("to", (long)bits)).Node("BitCast", "b", "f", ("to", (long)type)).Node("Neg", "f", "y").Output("y", type).Output("b", bits);
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", builder.ToBytes()));
        TensorBuffer input = TestTensors.Random(type, 1, -3, 3, 2, 3);
        RunResult result = session.Run(new Dictionary<string, TensorBuffer> { ["x"] = input });
        TensorBuffer negated = new(type, input.Shape);
        for (int i = 0; i < 6; i++)
        {
            TestTensors.Set(negated, i, -TestTensors.ToDoubles(input)[i]);
        }

        Assert.That(result["y"].Bytes.SequenceEqual(input.Bytes), Is.True);
        Assert.That(result["b"].Bytes.SequenceEqual(negated.Bytes), Is.True);
    }

    [Test]
    public void Scalar() =>
        new OperatorTester("BitCast", 26).Input(TensorBuffer.Create<float>([1])).Attribute("to", (long)ElementType.Int32).Output(ElementType.Int32).CheckAgainst(_ => [TensorBuffer.Create<int>([0x3f800000])]);

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("BitCast", 26).Input(TestTensors.Floats(1, 3)).Attribute("to", (long)ElementType.Int64).Output(ElementType.Int64).Fails<InvalidGraphException>();
        new OperatorTester("BitCast", 26).Input(TestTensors.Floats(1, 3)).Attribute("to", (long)ElementType.String).Fails<InvalidGraphException>();
        new OperatorTester("BitCast", 26).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
    }

    [Test]
    public void RefusesTypesOfOtherSizes([Values(ElementType.UInt8, ElementType.Int2)] ElementType to) =>
        new OperatorTester("BitCast", 26).Input(new TensorBuffer(ElementType.Int4, new Shape(3))).Attribute("to", (long)to).Output(to).Fails<InvalidGraphException>();

    // What a byte is that holds the lowest bits of another for an element of this type.
    private static byte Held(byte bits, ElementType type) => (type, BitsOf(type)) switch
    {
        (ElementType.Int4 or ElementType.Int2, var count) => (bits & (1 << (count - 1))) != 0 ? (byte)(bits | (0xff << count)) : (byte)(bits & ((1 << count) - 1)),
        (_, < 8 and var count) => (byte)(bits & ((1 << count) - 1)),
        _ => bits,
    };

    private static int BitsOf(ElementType type) => type switch
    {
        ElementType.Int4 or ElementType.UInt4 or ElementType.Float4E2M1 => 4,
        ElementType.Int2 or ElementType.UInt2 => 2,
        _ => 8 * type.SizeOf(),
    };

    private static IEnumerable<TestCaseData> Pairs() =>
        s_types.SelectMany(from => s_types.Where(to => BitsOf(to) == BitsOf(from)).Select(to => new TestCaseData(from, to)));
}
