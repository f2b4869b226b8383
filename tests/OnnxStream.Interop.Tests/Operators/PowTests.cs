namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class PowTests
{
    [TestCase(2f)]
    [TestCase(0.5f)]
    [TestCase(3f)]
    [TestCase(-1.5f)]
    public void ConstantExponent(float exponent) =>
        new OperatorTester("Pow", 13).Input(TestTensors.Random(ElementType.Float32, 1, 0.1, 3, 2, 3, 17)).Constant(TensorBuffer.Create<float>([exponent])).Check();

    [Test]
    public void Broadcasts() =>
        new OperatorTester("Pow", 15).Input(TestTensors.Random(ElementType.Float32, 1, 0.1, 3, 4, 1, 5)).Input(TestTensors.Random(ElementType.Float32, 2, -2, 2, 3, 1)).Check();

    [TestCase(ElementType.Int32, ElementType.Int32)]
    [TestCase(ElementType.Int64, ElementType.Int64)]
    [TestCase(ElementType.Float32, ElementType.Int64)]
    [TestCase(ElementType.Int32, ElementType.Float32)]
    [TestCase(ElementType.Float64, ElementType.Float32)]
    public void Types(ElementType type, ElementType exponent) =>
        new OperatorTester("Pow", 15).Input(TestTensors.Random(type, 1, 1, 5, 2, 7)).Input(TestTensors.Random(exponent, 2, 0, 3, 7)).Output(type).Check();

    [Test]
    public void IntegersAreExact() =>
        new OperatorTester("Pow", 15).Input(TestTensors.Integers(3, -3, 10, 2, -1, 0, 5, 1)).Input(TestTensors.Integers(39, 3, 18, 63, -3, 0, -1, -5)).Output(ElementType.Int64)
            .CheckAgainst(_ => [TestTensors.Integers(4052555153018976267, -27, 1000000000000000000, long.MinValue, -1, 1, 0, 1)]);

    [Test]
    public void NegativeBases([Values(2f, 3f, -1f, 0.5f)] float exponent) =>
        new OperatorTester("Pow", 13).Input(TestTensors.Floats(1, 3, 7)).Input(TensorBuffer.Create<float>([exponent])).Check();

    [Test]
    public void HalfPrecision() =>
        new OperatorTester("Pow", 13) { Tolerance = 2e-3 }.Input(TestTensors.Random(ElementType.Float16, 1, 0.5, 3, 40)).Input(TestTensors.Random(ElementType.Float32, 2, -2, 2, 40)).Output(ElementType.Float16)
            .CheckAgainst(inputs => [TensorBuffer.Create<Half>([.. Enumerable.Range(0, 40).Select(i => (Half)MathF.Pow((float)inputs[0].Span<Half>()[i], inputs[1].Span<float>()[i]))], 40)]);

    [Test]
    public void SmallTensorToLargeExponent() =>
        new OperatorTester("Pow", 7).Input(TensorBuffer.Create<float>([2])).Input(TestTensors.Floats(2, 3, 1, 5)).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Pow", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 2)).Fails<InvalidGraphException>();
        new OperatorTester("Pow", 13).Input(TestTensors.Random(ElementType.Bool, 1, 0, 1, 3)).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
    }

    // Whole vectors and the rest, with numbers among them that have rules of their own.
    [Test]
    public void AnyLength([Range(1, 40)] int length)
    {
        float[] bases = [2, 0.5f, 1e-40f, 3e38f, 0, -0f, -2, float.NaN, float.PositiveInfinity, 1, 1e-20f, 7];
        float[] exponents = [1, -1, 0, 0.5f, 3, -2.5f, 126, -149, float.PositiveInfinity, float.NaN, 1e-30f];
        float[] left = [.. Enumerable.Range(0, length).Select(i => i < length / 2 ? 1 + i * 0.37f : bases[(i + length) % bases.Length])];
        float[] right = [.. Enumerable.Range(0, length).Select(i => exponents[(i + 3 * length) % exponents.Length])];
        new OperatorTester("Pow", 15).Input(TensorBuffer.Create<float>(left, length)).Input(TensorBuffer.Create<float>(right, length))
            .CheckAgainst(_ => [TensorBuffer.Create<float>([.. left.Zip(right).Select(pair => (float)Math.Pow(pair.First, pair.Second))], length)]);
    }
}
