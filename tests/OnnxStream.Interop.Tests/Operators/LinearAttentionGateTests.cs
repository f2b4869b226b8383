namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class LinearAttentionGateTests
{
    [Test]
    public void Gates([Values] bool hasRate)
    {
        OperatorTester tester = new OperatorTester("LinearAttentionGate", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 4)).Input(TestTensors.Floats(2, 4)).Input(TestTensors.Floats(3, 4)).Output(ElementType.Float32);
        _ = hasRate ? tester.Input(TestTensors.Floats(4, 2, 3, 4)).Output(ElementType.Float32) : tester;
        tester.CheckAgainst(inputs =>
        {
            double[][] numbers = [.. inputs.Select(TestTensors.ToDoubles)];
            TensorBuffer decay = TestTensors.FromDoubles(ElementType.Float32, [.. numbers[0].Select((a, i) => numbers[2][i % 4] * Math.Log(1 + Math.Exp(a + numbers[1][i % 4])))], 2, 3, 4);
            return hasRate ? [decay, TestTensors.FromDoubles(ElementType.Float32, [.. numbers[3].Select(b => 1 / (1 + Math.Exp(-b)))], 2, 3, 4)] : [decay];
        });
    }

    [Test]
    public void NoRate() => new OperatorTester("LinearAttentionGate", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 4)).Input(TestTensors.Floats(2, 4)).Input(TestTensors.Floats(3, 4)).Output(ElementType.Float32).Output(ElementType.Float32).Fails<InvalidGraphException>();
}
