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
}
