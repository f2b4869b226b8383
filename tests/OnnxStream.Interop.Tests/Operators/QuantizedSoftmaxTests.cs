namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class QuantizedSoftmaxTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values(9, 13)] int operatorSet, [Values(0, 1, -1, null)] int? axis, [Values(0.02, 0.3, 4)] double scale)
    {
        OperatorTester tester = new OperatorTester("QLinearSoftmax", 17, "com.microsoft").Input(TestTensors.Bytes(type, 1, 3, 4, 5)).Input(TestTensors.Scalar(ElementType.Float32, scale)).Input(TestTensors.Scalar(type, 12))
            .Input(TestTensors.Scalar(ElementType.Float32, 1 / 256.0)).Input(TestTensors.Scalar(type, type == ElementType.UInt8 ? 0 : -128)).Attribute("opset", operatorSet);
        _ = axis is { } given ? tester.Attribute("axis", given) : tester;
        tester.Output(type).Check();
    }

    [Test]
    public void OtherScales([Values(0.00392157, 0.01, 0.3)] double scale) =>
        new OperatorTester("QLinearSoftmax", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 2, 7)).Input(TestTensors.Scalar(ElementType.Float32, 0.02)).Input(null)
            .Input(TestTensors.Scalar(ElementType.Float32, scale)).Input(TestTensors.Scalar(ElementType.UInt8, 5)).Attribute("opset", 13).Output(ElementType.UInt8).Check();

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("QLinearSoftmax", 17, "com.microsoft").Input(TestTensors.Floats(1, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(null).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.UInt8, 0)).Attribute("opset", 13).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearSoftmax", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(null).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.UInt8, 0)).Attribute("opset", 13).Attribute("axis", 1).Output(ElementType.UInt8).Fails<InvalidGraphException>();
    }
}
