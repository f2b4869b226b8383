namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GatedNormalizationTests
{
    [Test]
    public void Groups([Values(1, 4, 12)] int group, [Values(1e-6f, 0.1f)] float epsilon) =>
        new OperatorTester("GatedRMSNorm", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 12)).Input(TestTensors.Floats(2, group)).Input(TestTensors.Floats(3, 2, 3, 12)).Attribute("epsilon", epsilon).CheckAgainst(inputs =>
        {
            double[][] numbers = [.. inputs.Select(TestTensors.ToDoubles)];
            double[] normalized = [.. numbers[0].Chunk(group).SelectMany(row => row.Select((x, i) => x / Math.Sqrt(row.Average(y => y * y) + epsilon) * numbers[1][i]))];
            return [TestTensors.FromDoubles(ElementType.Float32, [.. normalized.Select((y, i) => y * numbers[2][i] / (1 + Math.Exp(-numbers[2][i])))], 2, 3, 12)];
        });

    // As ONNX Runtime, whose attributes its documentation does not list.
    [Test]
    public void Activations([Values(null, "silu", "swish", "sigmoid")] string? activation)
    {
        OperatorTester tester = new OperatorTester("GatedRMSNorm", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 12)).Input(TestTensors.Floats(2, 12)).Input(TestTensors.Floats(3, 2, 3, 12));
        (activation is null ? tester : tester.Attribute("activation", activation)).Check();
    }

    [Test]
    public void UnknownActivation() => new OperatorTester("GatedRMSNorm", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 12)).Input(TestTensors.Floats(2, 12)).Input(TestTensors.Floats(3, 2, 12)).Attribute("activation", "relu").Fails<InvalidGraphException>();

    [Test]
    public void WrongGroups() => new OperatorTester("GatedRMSNorm", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 12)).Input(TestTensors.Floats(2, 5)).Input(TestTensors.Floats(3, 2, 12)).Fails<InvalidGraphException>();
}
