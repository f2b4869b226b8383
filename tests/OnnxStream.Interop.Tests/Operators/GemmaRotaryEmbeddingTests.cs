namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only.
[NativeMemoryLeakCheck]
public class GemmaRotaryEmbeddingTests
{
    [TestCase(ElementType.Float16, 1.0 / 128)]
    [TestCase(ElementType.Float32, 1e-5)]
    public void Turns(ElementType type, double tolerance)
    {
        OperatorTester tester = new OperatorTester("GemmaRotaryEmbedding", 17, "com.microsoft") { Tolerance = tolerance }.Input(TestTensors.Floats(1, 2, 3, 4));
        for (int i = 0; i < 4; i++)
        {
            tester.Input(TestTensors.Random(type, i + 2, -1, 1, 2, i < 2 ? 5 : 1, 3, 4));
        }

        tester.Output(type).Output(type).CheckAgainst(inputs => [Turn(inputs[0], inputs[1], inputs[2]), Turn(inputs[0], inputs[3], inputs[4])]);
    }

    private static TensorBuffer Turn(TensorBuffer angles, TensorBuffer states, TensorBuffer turned)
    {
        double[] a = TestTensors.ToDoubles(angles);
        double[] t = TestTensors.ToDoubles(turned);
        int heads = (int)states.Shape[1];
        return TestTensors.FromDoubles(states.ElementType, [.. TestTensors.ToDoubles(states).Select((x, i) => i / (heads * 12) * 12 + i % 12 is var angle ? x * Math.Cos(a[angle]) + t[i] * Math.Sin(a[angle]) : 0)], states.Shape.ToArray());
    }
}
