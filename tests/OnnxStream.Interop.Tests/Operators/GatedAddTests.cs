namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GatedAddTests
{
    [Test]
    public void Adds() => new OperatorTester("GatedAdd", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 5)).Input(TestTensors.Floats(2, 2, 3, 5)).Input(TestTensors.Floats(3, 2, 3, 1)).CheckAgainst(inputs =>
    {
        double[][] numbers = [.. inputs.Select(TestTensors.ToDoubles)];
        return [TestTensors.FromDoubles(ElementType.Float32, [.. numbers[0].Select((x, i) => x + numbers[1][i] * numbers[2][i / 5])], 2, 3, 5)];
    });

    [Test]
    public void WrongGate() => new OperatorTester("GatedAdd", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5)).Input(TestTensors.Floats(2, 2, 5)).Input(TestTensors.Floats(3, 2, 5)).Fails<InvalidGraphException>();
}
