namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class QuantizedActivationTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values("QLinearSigmoid", "QLinearLeakyRelu")] string operatorType, [Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values(0.05, 0.011, 0.5)] double scale, [Values] bool hasZeros)
    {
        double[] all = [.. Enumerable.Range(type == ElementType.UInt8 ? 0 : -128, 256).Select(i => (double)i)];
        OperatorTester tester = new OperatorTester(operatorType, 17, "com.microsoft").Input(TestTensors.FromDoubles(type, all, 2, 1, 128)).Input(TestTensors.Scalar(ElementType.Float32, scale)).Input(hasZeros ? TestTensors.Scalar(type, 91) : null)
            .Input(operatorType == "QLinearSigmoid" ? TestTensors.Random(ElementType.Float32, 1, 1 / 256.0, 1 / 256.0, 1) : TestTensors.Scalar(ElementType.Float32, 0.037));
        tester.Input(hasZeros ? TestTensors.Scalar(type, 3) : null);
        _ = operatorType == "QLinearLeakyRelu" && hasZeros ? tester.Attribute("alpha", 0.3f) : tester;
        tester.Output(type).Check();
    }

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("QLinearSigmoid", 17, "com.microsoft").Input(TestTensors.Floats(1, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(null).Input(TestTensors.Scalar(ElementType.Float32, 1)).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearSigmoid", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 3)).Input(TestTensors.Floats(1, 3)).Input(null).Input(TestTensors.Scalar(ElementType.Float32, 1)).Output(ElementType.UInt8).Fails<InvalidGraphException>();
        new OperatorTester("QLinearLeakyRelu", 17, "com.microsoft").Input(TestTensors.Bytes(ElementType.UInt8, 1, 3)).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(null).Input(TestTensors.Scalar(ElementType.Float32, 1)).Input(TestTensors.Scalar(ElementType.Int8, 1)).Output(ElementType.UInt8).Fails<InvalidGraphException>();
    }
}
