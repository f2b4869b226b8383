namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class NonZeroTests
{
    [Test]
    public void Types([Values(ElementType.Float32, ElementType.Int64, ElementType.Int32, ElementType.UInt8, ElementType.Bool)] ElementType type) =>
        new OperatorTester("NonZero", 13).Input(TestTensors.Random(type, 1, type == ElementType.Bool ? -1 : 0, 1, 3, 4, 5)).Output(ElementType.Int64).Check();

    [TestCase(new long[] { 7 }, 0, 0)]
    [TestCase(new long[] { 7 }, 1, 1)]
    [TestCase(new long[] { }, 1, 1)]
    [TestCase(new long[] { }, 0, 0)]
    [TestCase(new long[] { 2, 0 }, 1, 1)]
    [TestCase(new long[] { 300, 300 }, 0, 0.6)]
    public void Shapes(long[] shape, double low, double high) =>
        new OperatorTester("NonZero", 9).Input(TestTensors.Random(ElementType.Int32, 1, low, high, shape)).Output(ElementType.Int64).Check();

    [Test]
    public void NotANumberIsNotZero() =>
        new OperatorTester("NonZero", 13).Input(TensorBuffer.Create<float>([0, float.NaN, -0f, 1], 2, 2)).Output(ElementType.Int64).Check();
}
