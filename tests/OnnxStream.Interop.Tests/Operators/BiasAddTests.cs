namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only.
[NativeMemoryLeakCheck]
public class BiasAddTests
{
    [Test]
    public void Adds() =>
        new OperatorTester("BiasAdd", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 8)).Input(TestTensors.Floats(2, 8)).Input(TestTensors.Floats(3, 2, 5, 8)).CheckAgainst(inputs =>
        {
            double[][] numbers = [.. inputs.Select(TestTensors.ToDoubles)];
            return [TestTensors.FromDoubles(ElementType.Float32, [.. numbers[0].Select((x, i) => x + numbers[1][i % 8] + numbers[2][i])], 2, 5, 8)];
        });
}
