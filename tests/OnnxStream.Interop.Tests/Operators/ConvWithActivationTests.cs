namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ConvWithActivationTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(null, "Relu", "Tanh", "Sigmoid", "LeakyRelu", "Clip", "HardSigmoid")] string? activation, [Values] bool hasBias, [Values] bool hasSum)
    {
        OperatorTester tester = new OperatorTester("FusedConv", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 4, 9, 8)).Constant(TestTensors.Floats(2, 6, 4, 3, 3)).Input(hasBias ? TestTensors.Floats(3, 6) : null);
        _ = hasSum ? tester.Input(TestTensors.Floats(4, 2, 6, 5, 8)) : tester;
        tester.Attribute("pads", new[] { 1, 1, 1, 1 }).Attribute("strides", new[] { 2, 1 });
        _ = activation is null ? tester : tester.Attribute("activation", activation);
        _ = activation switch
        {
            "LeakyRelu" => tester.Attribute("activation_params", new[] { 0.1f }),
            "Clip" => tester.Attribute("activation_params", new[] { -1f, 2f }),
            "HardSigmoid" => tester.Attribute("activation_params", new[] { 0.3f, 0.4f }),
            _ => tester,
        };
        tester.Check();
    }

    [Test]
    public void Groups([Values("2,6,11;6,1,3", "1,4,5,6,7;4,2,3,3,3", "1,4,7,7;8,2,1,1")] string shapes)
    {
        long[][] dimensions = [.. shapes.Split(';').Select(text => text.Split(',').Select(long.Parse).ToArray())];
        new OperatorTester("FusedConv", 17, "com.microsoft").Input(TestTensors.Floats(1, dimensions[0])).Constant(TestTensors.Floats(2, dimensions[1])).Attribute("group", (int)(dimensions[0][1] / dimensions[1][1])).Attribute("auto_pad", "SAME_UPPER").Attribute("activation", "Relu").Check();
    }

    // ONNX Runtime's newer versions know it.
    [Test]
    public void Silu() =>
        new OperatorTester("FusedConv", 17, "com.microsoft").Input(TestTensors.Floats(1, 1, 1, 5, 4)).Constant(TestTensors.FromDoubles(ElementType.Float32, [1], 1, 1, 1, 1)).Attribute("activation", "Silu")
            .CheckAgainst(inputs => [TestTensors.FromDoubles(ElementType.Float32, [.. TestTensors.ToDoubles(inputs[0]).Select(x => x / (1 + Math.Exp(-x)))], 1, 1, 5, 4)]);

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("FusedConv", 17, "com.microsoft").Input(TestTensors.Floats(1, 1, 2, 5, 5)).Input(TestTensors.Floats(2, 2, 2, 3, 3)).Attribute("activation", "Other").Fails<UnsupportedOperatorException>();
        new OperatorTester("FusedConv", 17, "com.microsoft").Input(TestTensors.Floats(1, 1, 2, 5, 5)).Input(TestTensors.Floats(2, 2, 2, 3, 3)).Input(null).Input(TestTensors.Floats(3, 1, 2, 4, 4)).Fails<InvalidGraphException>();
    }
}
