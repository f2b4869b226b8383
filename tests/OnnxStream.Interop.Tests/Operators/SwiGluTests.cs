namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SwiGluTests
{
    [Test]
    public void Values([Values(ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16)] ElementType type, [Values(null, 1.75f)] float? alpha)
    {
        OperatorTester tester = new("SwiGLU", 28) { Tolerance = type switch { ElementType.BFloat16 => 1.0 / 64, ElementType.Float16 => 1.0 / 512, ElementType.Float64 => 1e-12, _ => 1e-6 } };
        tester.Input(TestTensors.Random(type, 1, -4, 4, 3, 21)).Input(TestTensors.Random(type, 2, -4, 4, 3, 21)).Output(type);
        if (alpha is { } given)
        {
            tester.Attribute("alpha", given);
        }

        tester.CheckAgainst(inputs =>
        {
            double[] gates = TestTensors.ToDoubles(inputs[0]);
            double[] values = TestTensors.ToDoubles(inputs[1]);
            return [TestTensors.FromDoubles(type, [.. gates.Zip(values, (gate, value) => gate / (1 + Math.Exp(-(alpha ?? 1) * gate)) * value)], 3, 21)];
        });
    }

    [Test]
    public void NothingIsBroadcast()
    {
        new OperatorTester("SwiGLU", 28).Input(TestTensors.Floats(1, 2, 3)).Input(TestTensors.Floats(2, 3)).Fails<InvalidGraphException>();
        new OperatorTester("SwiGLU", 28).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Rounded(ElementType.Float16, 2, 3)).Fails<InvalidGraphException>();
    }
}
