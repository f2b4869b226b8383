namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only.
[NativeMemoryLeakCheck]
public class BiasDropoutTests
{
    [TestCase(true)]
    [TestCase(false)]
    public void Inference(bool hasResidual) =>
        new OperatorTester("BiasDropout", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 4)).Input(TestTensors.Floats(2, 4)).Input(hasResidual ? TestTensors.Floats(3, 2, 3, 4) : null).Input(TestTensors.Scalar(ElementType.Float32, 0.5)).Output(ElementType.Float32).Output(ElementType.Bool).CheckAgainst(inputs =>
        {
            double[][] numbers = [.. inputs.Select(TestTensors.ToDoubles)];
            return [TestTensors.FromDoubles(ElementType.Float32, [.. numbers[0].Select((x, i) => x + numbers[1][i % 4] + (hasResidual ? numbers[2][i] : 0))], 2, 3, 4), TestTensors.FromDoubles(ElementType.Bool, [.. Enumerable.Repeat(1.0, 24)], 2, 3, 4)];
        });

    [Test]
    public void Training()
    {
        RunResult result = new OperatorTester("BiasDropout", 17, "com.microsoft").Input(TestTensors.Floats(1, 50, 4)).Constant(TestTensors.Floats(2, 4)).Input(TestTensors.Floats(3, 50, 4)).Constant(TestTensors.Scalar(ElementType.Float32, 0.5)).Constant(TestTensors.Scalar(ElementType.Bool, 1)).Attribute("seed", 7).Output(ElementType.Float32).Output(ElementType.Bool).RunAll();
        double[][] numbers = [TestTensors.ToDoubles(TestTensors.Floats(1, 50, 4)), TestTensors.ToDoubles(TestTensors.Floats(2, 4)), TestTensors.ToDoubles(TestTensors.Floats(3, 50, 4))];
        double[] kept = TestTensors.ToDoubles(result["o1"]);
        Assert.That(kept.Sum(), Is.InRange(60, 140));
        TestTensors.AssertClose(result["o0"], TestTensors.FromDoubles(ElementType.Float32, [.. numbers[0].Select((x, i) => 2 * kept[i] * (x + numbers[1][i % 4]) + numbers[2][i])], 50, 4), 1e-5, "kept are doubled");
    }
}
