namespace OnnxStream.Interop.Tests.Operators;

/// <summary>ONNX Runtime transforms lengths that are no powers of two in single precision, with errors of 1e-4.</summary>
[NativeMemoryLeakCheck]
public class FourierOperatorTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(1, 2, 7, 16, 60)] int length, [Values(1, 2)] int parts, [Values(0, 1)] int inverse) =>
        new OperatorTester("DFT", 17) { Tolerance = 3e-4 }.Input(TestTensors.Floats(1, 3, length, 2, parts)).Attribute("axis", 1).Attribute("inverse", inverse).Check();

    [Test]
    public void OneSidedOfAnotherLength([Values(5, 8, 20)] int length) =>
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 1)).Input(TensorBuffer.Create<long>([length])).Attribute("onesided", 1).Check();

    [Test]
    public void AxisIsAnInput([Values(0, 1, -2)] int axis) =>
        new OperatorTester("DFT", 20).Input(TestTensors.Random(ElementType.Float64, 1, -1, 1, 4, 6, 2)).Input(null).Input(TensorBuffer.Create<long>([axis])).Output(ElementType.Float64).Check();

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 3)).Fails<InvalidGraphException>();
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 1)).Attribute("axis", 2).Fails<InvalidGraphException>();
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 1)).Input(TensorBuffer.Create<long>([0])).Fails<InvalidGraphException>();
        new OperatorTester("DFT", 17).Input(TestTensors.Floats(1, 2, 8, 2)).Attribute("onesided", 1).Fails<UnsupportedOperatorException>();
    }
}
