namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class WindowFunctionTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values("HannWindow", "HammingWindow", "BlackmanWindow")] string window, [Values(0, 1)] int periodic, [Values(2, 10, 401)] int size) =>
        new OperatorTester(window, 17) { Tolerance = 1e-6 }.Input(TensorBuffer.Create<long>([size])).Attribute("periodic", periodic).Check();

    [Test]
    public void DoublePrecision() => new OperatorTester("HannWindow", 17).Input(TensorBuffer.Create<int>([9])).Attribute("output_datatype", (int)ElementType.Float64).Output(ElementType.Float64).Check();

    [Test]
    public void WrongSizes()
    {
        new OperatorTester("HannWindow", 17).Input(TensorBuffer.Create<long>([-1])).Fails<InvalidGraphException>();
        new OperatorTester("HannWindow", 17).Input(TensorBuffer.Create<long>([long.MaxValue])).Fails<InvalidGraphException>();
    }
}
