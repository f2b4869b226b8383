namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GemmTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values] bool transposeA, [Values] bool transposeB, [Values(1f, 0.5f)] float alpha, [Values(1f, 2f)] float beta, [Values(0, 1, 2, 3)] int bias, [Values] bool constant)
    {
        OperatorTester tester = new("Gemm", 13) { Tolerance = 1e-4 };
        tester.Input(transposeA ? TestTensors.Floats(1, 33, 7) : TestTensors.Floats(1, 7, 33));
        tester.Input(transposeB ? TestTensors.Floats(2, 70, 33) : TestTensors.Floats(2, 33, 70), constant);
        if (bias > 0)
        {
            tester.Input(bias == 1 ? TestTensors.Floats(3, 70) : bias == 2 ? TestTensors.Floats(3, 7, 1) : TestTensors.Floats(3, 1), constant);
        }

        tester.Attribute("transA", transposeA ? 1 : 0).Attribute("transB", transposeB ? 1 : 0).Attribute("alpha", alpha).Attribute("beta", beta).Check(constantsToo: false);
    }
}
