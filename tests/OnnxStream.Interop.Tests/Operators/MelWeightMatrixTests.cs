namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MelWeightMatrixTests
{
    [TestCase(8, 16, 8192, 0, 4096)]
    [TestCase(80, 400, 16000, 20, 7600)]
    [TestCase(3, 1024, 44100, 300, 300)]
    public void AgreesWithOnnxRuntime(long bands, long length, long rate, float low, float high) =>
        Tester(bands, length, rate, low, high).Check();

    [TestCase(0, 16, 8192, 0, 4096)]
    [TestCase(8, 16, 8192, 5000, 4096)]
    [TestCase(8, 1L << 40, 8192, 0, 4096)]
    [TestCase(8, 16, 8192, 0, float.NaN)]
    public void WrongInputs(long bands, long length, long rate, float low, float high) => Tester(bands, length, rate, low, high).Fails<InvalidGraphException>();

    private static OperatorTester Tester(long bands, long length, long rate, float low, float high) =>
        new OperatorTester("MelWeightMatrix", 17).Input(TensorBuffer.Create<long>([bands])).Input(TensorBuffer.Create<long>([length])).Input(TensorBuffer.Create<long>([rate])).Input(TensorBuffer.Create<float>([low])).Input(TensorBuffer.Create<float>([high]));
}
