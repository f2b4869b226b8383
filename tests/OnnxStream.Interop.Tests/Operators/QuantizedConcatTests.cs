namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class QuantizedConcatTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values(0, 1, -1)] int axis)
    {
        OperatorTester tester = new OperatorTester("QLinearConcat", 17, "com.microsoft").Constant(TestTensors.Scalar(ElementType.Float32, 0.05)).Constant(TestTensors.Scalar(type, 3)).Attribute("axis", axis);
        foreach ((int seed, double scale, int zero) in new[] { (1, 0.05, 3), (2, 0.0125, 90), (3, 0.2, 0) })
        {
            long[] dimensions = [2, 3, 40];
            dimensions[axis < 0 ? axis + 3 : axis] += seed;
            tester.Input(TestTensors.Bytes(type, seed, dimensions)).Constant(TestTensors.Scalar(ElementType.Float32, scale)).Constant(TestTensors.Scalar(type, zero));
        }

        tester.Output(type).Check();
    }

    [Test]
    public void One() =>
        new OperatorTester("QLinearConcat", 17, "com.microsoft").Input(TestTensors.Scalar(ElementType.Float32, 0.05)).Input(TestTensors.Scalar(ElementType.UInt8, 3)).Input(TestTensors.Bytes(ElementType.UInt8, 1, 5)).Input(TestTensors.Scalar(ElementType.Float32, 0.04)).Input(TestTensors.Scalar(ElementType.UInt8, 0))
            .Attribute("axis", 0).Output(ElementType.UInt8).Check();

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("QLinearConcat", 17, "com.microsoft").Input(TestTensors.Scalar(ElementType.Float32, 0.05)).Input(TestTensors.Scalar(ElementType.UInt8, 3)).Input(TestTensors.Bytes(ElementType.UInt8, 1, 5)).Input(TestTensors.Scalar(ElementType.Float32, 0.04))
            .Attribute("axis", 0).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearConcat", 17, "com.microsoft").Input(TestTensors.Scalar(ElementType.Float32, 0.05)).Input(TestTensors.Scalar(ElementType.UInt8, 3)).Input(TestTensors.Bytes(ElementType.Int8, 1, 5)).Input(TestTensors.Scalar(ElementType.Float32, 0.04)).Input(TestTensors.Scalar(ElementType.Int8, 0))
            .Attribute("axis", 0).Output(ElementType.UInt8).Fails<InvalidGraphException>();
    }
}
