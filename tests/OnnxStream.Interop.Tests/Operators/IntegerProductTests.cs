namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class IntegerProductTests
{
    private static readonly ElementType[] s_factors = [ElementType.Float8E4M3FN, ElementType.Float8E4M3FNUZ, ElementType.Float8E5M2, ElementType.Float8E5M2FNUZ, ElementType.UInt8, ElementType.Int8];

    [Test]
    public void QLinearMatMulOf8BitFloats([ValueSource(nameof(s_factors))] ElementType left, [ValueSource(nameof(s_factors))] ElementType right, [Values(ElementType.Float8E4M3FN, ElementType.Float8E5M2, ElementType.UInt8)] ElementType output)
    {
        const int Rows = 4;
        const int Inner = 30;
        const int Columns = 5;
        if (!left.IsNarrow() && !right.IsNarrow() && !output.IsNarrow())
        {
            return;
        }

        TensorBuffer a = TestTensors.Random(left, 1, left == ElementType.UInt8 ? 0 : -9, 9, Rows, Inner);
        TensorBuffer b = TestTensors.Random(right, 2, right == ElementType.UInt8 ? 0 : -9, 9, Inner, Columns);
        double[] x = TestTensors.ToDoubles(a);
        double[] y = TestTensors.ToDoubles(b);
        byte[] expected = new byte[Rows * Columns];
        for (int i = 0; i < expected.Length; i++)
        {
            double sum = 0;
            for (int k = 0; k < Inner; k++)
            {
                sum += (x[i / Columns * Inner + k] - 1) * (y[k * Columns + i % Columns] - 2);
            }

            double scaled = sum * (0.5 * 0.25 / 2);
            expected[i] = output == ElementType.UInt8 ? (byte)Math.Clamp(Math.Round(scaled) + 3, 0, 255) : (byte)NarrowFormat.Code(output, scaled + 3);
        }

        TensorBuffer actual = new OperatorTester("QLinearMatMul", 21).Input(a).Input(Scale(0.5f)).Input(TestTensors.FromDoubles(left, [1])).Input(b).Input(Scale(0.25f)).Input(TestTensors.FromDoubles(right, [2])).Input(Scale(2)).Input(TestTensors.FromDoubles(output, [3])).Output(output).Run();
        Assert.That(actual.Bytes.ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void Matrices([Values(ElementType.UInt8, ElementType.Int8)] ElementType left, [Values(ElementType.UInt8, ElementType.Int8)] ElementType right, [Values] bool hasZeros)
    {
        OperatorTester tester = new OperatorTester("MatMulInteger", 10).Input(Bytes(left, 1, 2, 3, 300)).Input(TestTensors.ByteWeights(right, 2, 300, 5));
        _ = hasZeros ? tester.Input(Bytes(left, 3)).Input(Bytes(right, 4)) : tester;
        tester.Output(ElementType.Int32).Check();
    }

    [Test]
    public void ZeroPointsOfColumns() =>
        new OperatorTester("MatMulInteger", 10).Input(Bytes(ElementType.UInt8, 1, 3, 7)).Input(TestTensors.ByteWeights(ElementType.Int8, 2, 7, 5)).Input(Bytes(ElementType.UInt8, 3)).Constant(Bytes(ElementType.Int8, 4, 5)).Output(ElementType.Int32).Check();

    [TestCase(2)]
    [TestCase(40)]
    public void Convolutions(int channels) =>
        new OperatorTester("ConvInteger", 10).Input(Bytes(ElementType.UInt8, 1, 1, channels, 9, 8)).Input(Bytes(ElementType.UInt8, 2, 6, channels / 2, 3, 3)).Input(Bytes(ElementType.UInt8, 3)).Input(Bytes(ElementType.UInt8, 4))
            .Attribute("group", 2).Attribute("pads", new[] { 1, 0, 2, 1 }).Attribute("strides", new[] { 2, 1 }).Output(ElementType.Int32).Check();

    [Test]
    public void SumsAreExact()
    {
        // 255 * 255 * 4,608 lies far above 2^24.
        OperatorTester tester = new OperatorTester("ConvInteger", 10).Input(TestTensors.Random(ElementType.UInt8, 1, 255, 255, 1, 512, 3, 3)).Input(TestTensors.Random(ElementType.UInt8, 2, 255, 255, 1, 512, 3, 3)).Output(ElementType.Int32);
        Assert.That(tester.Run().Span<int>()[0], Is.EqualTo(255 * 255 * 4_608));
    }

    [Test]
    public void QuantizedMatrices([Values(ElementType.UInt8, ElementType.Int8)] ElementType type) =>
        new OperatorTester("QLinearMatMul", 10).Input(Bytes(type, 1, 2, 4, 30)).Constant(Scale(0.02f)).Constant(Bytes(type, 3)).Input(Bytes(type, 2, 30, 5)).Constant(Scale(0.03f)).Constant(Bytes(type, 4)).Constant(Scale(3.7f)).Constant(Bytes(type, 5))
            .Output(type).Check();

    // Scales that are powers of two: ONNX Runtime's factor, which is single precision, is exact, too.
    [Test]
    public void QuantizedConvolution([Values] bool hasBias, [Values] bool isPerChannel)
    {
        OperatorTester tester = new OperatorTester("QLinearConv", 10).Input(Bytes(ElementType.UInt8, 1, 1, 4, 9, 8)).Constant(Scale(1 / 64f)).Constant(Bytes(ElementType.UInt8, 3))
            .Constant(TestTensors.ByteWeights(ElementType.Int8, 2, 3, 4, 3, 3)).Constant(isPerChannel ? TensorBuffer.Create<float>([1 / 128f, 1 / 64f, 1 / 16f], 3) : Scale(1 / 32f)).Constant(isPerChannel ? new TensorBuffer(ElementType.Int8, new Shape(3)) : TensorBuffer.Create<sbyte>([0]))
            .Constant(Scale(0.5f)).Constant(Bytes(ElementType.UInt8, 5));
        _ = hasBias ? tester.Constant(TensorBuffer.Create<int>([1000, -2000, 500], 3)) : tester;
        tester.Attribute("pads", new[] { 1, 1, 1, 1 }).Output(ElementType.UInt8).Check();
    }

    [Test]
    public void WrongTypes()
    {
        new OperatorTester("MatMulInteger", 10).Input(TestTensors.Floats(1, 2, 3)).Input(Bytes(ElementType.UInt8, 2, 3, 4)).Output(ElementType.Int32).Fails<InvalidGraphException>();
        new OperatorTester("ConvInteger", 10).Input(Bytes(ElementType.UInt8, 1, 2, 3)).Input(Bytes(ElementType.UInt8, 2, 3, 4)).Output(ElementType.Int32).Fails<InvalidGraphException>();
    }

    private static TensorBuffer Bytes(ElementType type, int seed, params long[] dimensions) =>
        type == ElementType.UInt8 ? TestTensors.Random(type, seed, 0, 255, dimensions) : TestTensors.Random(type, seed, -128, 127, dimensions);

    private static TensorBuffer Scale(float value) => TensorBuffer.Create<float>([value]);
}
