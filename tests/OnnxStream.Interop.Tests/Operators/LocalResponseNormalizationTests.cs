namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class LocalResponseNormalizationTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(1, 3, 5)] int size, [Values(1e-4f, 2f)] float alpha) =>
        new OperatorTester("LRN", 13).Input(TestTensors.Floats(1, 2, 7, 5, 150)).Attribute("size", size).Attribute("alpha", alpha).Attribute("beta", 0.6f).Attribute("bias", 1.5f).Check(constantsToo: false);

    [Test]
    public void Defaults() => new OperatorTester("LRN", 13).Input(TestTensors.Floats(1, 2, 7, 5, 5)).Attribute("size", 5).Check();

    [Test]
    public void EvenSize()
    {
        // ONNX Runtime wants an odd size: against a naive loop.
        TensorBuffer input = TestTensors.Random(ElementType.Float64, 1, -2, 2, 1, 5, 2);
        double[] x = TestTensors.ToDoubles(input);
        double[] expected = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            double sum = 0;
            for (int c = Math.Max(0, i / 2 - 1); c <= Math.Min(4, i / 2 + 2); c++)
            {
                sum += x[c * 2 + i % 2] * x[c * 2 + i % 2];
            }

            expected[i] = x[i] / Math.Pow(1 + 0.5 / 4 * sum, 0.75);
        }

        TensorBuffer actual = new OperatorTester("LRN", 13).Input(input).Attribute("size", 4).Attribute("alpha", 0.5f).Output(ElementType.Float64).Run();
        TestTensors.AssertNumbersClose(actual, expected, 1e-9, "LRN");
    }

    [Test]
    public void WrongSize() => new OperatorTester("LRN", 13).Input(TestTensors.Floats(1, 2, 7, 5, 5)).Attribute("size", 0).Fails<InvalidGraphException>();
}
