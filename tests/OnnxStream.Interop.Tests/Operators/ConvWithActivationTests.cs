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

    // ONNX Runtime has these in half precision, or on graphics processors: the operator with channels in front is the reference.
    [Test]
    public void ChannelsLast([Values("NhwcConv", "NhwcFusedConv")] string operatorType)
    {
        bool isFused = operatorType == "NhwcFusedConv";
        TensorBuffer First(int seed, long channels, long height, long width) => TestTensors.Floats(seed, 1, channels, height, width);
        TensorBuffer Last(TensorBuffer first)
        {
            byte[] model = new ModelBuilder(17).Input("x", ElementType.Float32, first.Shape.ToArray()).Node("Transpose", "x", "y", ("perm", new[] { 0, 2, 3, 1 })).Output("y").ToBytes();
            return Oracle.Run(model, new Dictionary<string, TensorBuffer> { ["x"] = first })["y"];
        }

        OperatorTester Make(string name, TensorBuffer input, TensorBuffer sum)
        {
            OperatorTester tester = new OperatorTester(name, 17, "com.microsoft").Input(input).Constant(TestTensors.Floats(2, 6, 4, 3, 3)).Input(TestTensors.Floats(3, 6));
            return isFused ? tester.Input(sum).Attribute("activation", "Relu") : tester;
        }

        TensorBuffer expected = Last(Make("FusedConv", First(1, 4, 9, 8), First(4, 6, 7, 6)).Run());
        Make(operatorType, Last(First(1, 4, 9, 8)), Last(First(4, 6, 7, 6))).CheckAgainst(_ => [expected]);
    }

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("FusedConv", 17, "com.microsoft").Input(TestTensors.Floats(1, 1, 2, 5, 5)).Input(TestTensors.Floats(2, 2, 2, 3, 3)).Attribute("activation", "Other").Fails<UnsupportedOperatorException>();
        new OperatorTester("FusedConv", 17, "com.microsoft").Input(TestTensors.Floats(1, 1, 2, 5, 5)).Input(TestTensors.Floats(2, 2, 2, 3, 3)).Input(null).Input(TestTensors.Floats(3, 1, 2, 4, 4)).Fails<InvalidGraphException>();
    }
}
