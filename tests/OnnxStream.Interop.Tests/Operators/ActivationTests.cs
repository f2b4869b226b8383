namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ActivationTests
{
    private static readonly (string Name, int OperatorSet, (string Name, float Value)[] Attributes)[] s_cases =
    [
        ("Relu", 6, []),
        ("Relu", 14, []),
        ("LeakyRelu", 6, []),
        ("LeakyRelu", 16, [("alpha", 0.3f)]),
        ("LeakyRelu", 16, [("alpha", -0.5f)]),
        ("LeakyRelu", 16, [("alpha", 0f)]),
        ("Elu", 6, []),
        ("Elu", 6, [("alpha", 0.7f)]),
        ("Elu", 6, [("alpha", -0.7f)]),
        ("Selu", 6, []),
        ("Selu", 6, [("alpha", 2f), ("gamma", 3f)]),
        ("Celu", 12, []),
        ("Celu", 12, [("alpha", 2f)]),
        ("ThresholdedRelu", 10, []),
        ("ThresholdedRelu", 10, [("alpha", 0.5f)]),
        ("HardSigmoid", 6, []),
        ("HardSigmoid", 6, [("alpha", 0.4f), ("beta", 0.6f)]),
        ("Shrink", 9, []),
        ("Shrink", 9, [("lambd", 1f), ("bias", 0.5f)]),
        ("Gelu", 20, []),
    ];

    private static readonly long[][] s_shapes = [[], [1], [0, 4], [3, 5, 7], [40007]];

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_cases))] (string Name, int OperatorSet, (string Name, float Value)[] Attributes) test, [ValueSource(nameof(s_shapes))] long[] shape) =>
        Tester(test).Input(TestTensors.Random(ElementType.Float32, 1, -6, 6, shape)).Check();

    [Test]
    public void OtherPrecisionsAgreeWithSingle([ValueSource(nameof(s_cases))] (string Name, int OperatorSet, (string Name, float Value)[] Attributes) test, [Values(ElementType.Float64, ElementType.Float16)] ElementType type)
    {
        TensorBuffer input = TestTensors.Random(type, 1, -6, 6, 3, 700);
        double[] expected = TestTensors.ToDoubles(Tester(test).Input(TestTensors.FromDoubles(ElementType.Float32, TestTensors.ToDoubles(input), 3, 700)).Run());
        TensorBuffer actual = Tester(test).Input(input).Output(type).Run();
        Assert.That(actual.ElementType, Is.EqualTo(type));
        TestTensors.AssertNumbersClose(actual, expected, type == ElementType.Float16 ? 1e-3 : 2e-6, test.Name);
    }

    [Test]
    public void GeluByTanh([Values(5, 1000)] int count) =>
        new OperatorTester("Gelu", 20).Input(TestTensors.Random(ElementType.Float32, 1, -6, 6, count)).Attribute("approximate", "tanh").Check();

    [TestCase(1f)]
    [TestCase(1.702f)]
    public void Swish(float alpha)
    {
        TensorBuffer input = TestTensors.Random(ElementType.Float32, 1, -6, 6, 1000);
        TensorBuffer actual = new OperatorTester("Swish", 24).Input(input).Attribute("alpha", alpha).Run();
        TestTensors.AssertNumbersClose(actual, [.. TestTensors.ToDoubles(input).Select(x => x / (1 + Math.Exp(-alpha * x)))], 1e-6, "Swish");
    }

    [Test]
    public void ReluOfIntegers([Values(ElementType.Int32, ElementType.Int8)] ElementType type) =>
        new OperatorTester("Relu", 14).Input(TestTensors.Random(type, 1, -90, 90, 300)).Output(type).Check();

    [Test]
    public void ShrinkOfIntegers([Values(ElementType.Int32, ElementType.Int64, ElementType.UInt8)] ElementType type) =>
        new OperatorTester("Shrink", 9).Input(TestTensors.Random(type, 1, type == ElementType.UInt8 ? 0 : -9, 9, 300)).Attribute("lambd", 3f).Attribute("bias", 2f).Output(type).Check();

    [Test]
    public void WrongApproximation() =>
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("Gelu", 20).Input(TestTensors.Floats(1, 3)).Attribute("approximate", "erf").Run());

    [Test]
    public void WrongType() =>
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("Elu").Input(TestTensors.Integers(1, 2)).Output(ElementType.Int64).Run());

    private static OperatorTester Tester((string Name, int OperatorSet, (string Name, float Value)[] Attributes) test)
    {
        OperatorTester tester = new(test.Name, test.OperatorSet);
        foreach ((string name, float value) in test.Attributes)
        {
            tester.Attribute(name, value);
        }

        return tester;
    }

    [Test]
    public void ReluOfEveryHalf()
    {
        Half[] halves = [.. Enumerable.Range(0, (1 << 16) + 5).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits))];
        Half[] output = new OperatorTester("Relu", 14).Input(TensorBuffer.Create<Half>(halves, halves.Length)).Output(ElementType.Float16).Run().Span<Half>().ToArray();
        for (int i = 0; i < halves.Length; i++)
        {
            bool isRight = Half.IsNaN(halves[i]) ? Half.IsNaN(output[i]) : BitConverter.HalfToUInt16Bits(output[i]) == (halves[i] > Half.Zero ? BitConverter.HalfToUInt16Bits(halves[i]) : 0);
            Assert.That(isRight, Is.True, () => $"{halves[i]} becomes {output[i]}");
        }
    }
}
