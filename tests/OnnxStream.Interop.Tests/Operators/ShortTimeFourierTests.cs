namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ShortTimeFourierTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values] bool hasWindow, [Values(0, 1)] int oneSided) =>
        new OperatorTester("STFT", 17) { Tolerance = 3e-4 }.Input(TestTensors.Floats(1, 2, 50, 1)).Constant(TensorBuffer.Create<long>([4])).Input(hasWindow ? TestTensors.Floats(2, 12) : null).Constant(TensorBuffer.Create<long>([12])).Attribute("onesided", oneSided).Check();

    // Found by mutated models: a step without a number. And more windows than can be listed.
    [Test]
    public void WrongSteps()
    {
        new OperatorTester("STFT", 17).Input(TestTensors.Floats(1, 2, 50, 1)).Constant(TestTensors.Integers()).Input(null).Constant(TensorBuffer.Create<long>([12])).Fails<InvalidGraphException>();
        new OperatorTester("STFT", 17).Input(new TensorBuffer(ElementType.Float32, new Shape(1, 1 << 20, 1))).Constant(TensorBuffer.Create<long>([1])).Input(null).Constant(TensorBuffer.Create<long>([1 << 19])).Fails<UnsupportedOperatorException>();
    }

    [Test]
    public void WrongInputs() => new OperatorTester("STFT", 17).Input(TestTensors.Floats(1, 2, 50, 1)).Constant(TensorBuffer.Create<long>([0])).Input(null).Constant(TensorBuffer.Create<long>([12])).Fails<InvalidGraphException>();
}
