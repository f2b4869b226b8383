namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class QuantizedLstmTests
{
    private const int Batch = 2;
    private const int Inputs = 6;
    private const int Hidden = 8;

    [Test]
    public void AgreesWithOnnxRuntime([Values(ElementType.UInt8, ElementType.Int8)] ElementType type, [Values("forward", "reverse", "bidirectional")] string direction, [Values] bool isPerGate, [Values] bool hasAll)
    {
        int directions = direction == "bidirectional" ? 2 : 1;
        OperatorTester tester = new OperatorTester("DynamicQuantizeLSTM", 17, "com.microsoft") { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 7, Batch, Inputs)).Constant(TestTensors.ByteWeights(type, 2, directions, Inputs, 4 * Hidden)).Constant(TestTensors.ByteWeights(type, 3, directions, Hidden, 4 * Hidden))
            .Input(hasAll ? TestTensors.Floats(4, directions, 8 * Hidden) : null).Input(null).Input(hasAll ? TestTensors.Random(ElementType.Float32, 5, -0.5, 0.5, directions, Batch, Hidden) : null).Input(hasAll ? TestTensors.Floats(6, directions, Batch, Hidden) : null).Input(hasAll ? TestTensors.Floats(7, directions, 3 * Hidden) : null);
        foreach (int seed in new[] { 8, 9 })
        {
            // Zero points of gates must be 0 in ONNX Runtime, or the same for all where weights are unsigned.
            tester.Constant(TestTensors.Random(ElementType.Float32, seed, 0.002, 0.006, isPerGate ? [directions, 4 * Hidden] : [directions]))
                .Constant(TestTensors.FromDoubles(type, [.. Enumerable.Repeat(type == ElementType.UInt8 ? 128.0 : 0, isPerGate ? directions * 4 * Hidden : directions)], isPerGate ? [directions, 4 * Hidden] : [directions]));
        }

        tester.Attribute("hidden_size", Hidden).Attribute("direction", direction).Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Check(constantsToo: false);
    }

    [Test]
    public void WrongInputs()
    {
        OperatorTester Make(TensorBuffer weight, TensorBuffer scale, TensorBuffer zero) => new OperatorTester("DynamicQuantizeLSTM", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, Batch, Inputs)).Input(weight).Input(TestTensors.Bytes(ElementType.Int8, 3, 1, Hidden, 4 * Hidden))
            .Input(null).Input(null).Input(null).Input(null).Input(null).Input(scale).Input(zero).Input(TestTensors.Floats(1, 1)).Input(TestTensors.Bytes(ElementType.Int8, 1, 1)).Attribute("hidden_size", Hidden);
        TensorBuffer weight = TestTensors.Bytes(ElementType.Int8, 2, 1, Inputs, 4 * Hidden);
        Make(weight, TestTensors.Floats(1, 2), TestTensors.Bytes(ElementType.Int8, 1, 1)).Fails<InvalidGraphException>();
        Make(weight, TestTensors.Floats(1, 1), TestTensors.Bytes(ElementType.UInt8, 1, 1)).Fails<InvalidGraphException>();
        Make(TestTensors.Floats(2, 1, Inputs, 4 * Hidden), TestTensors.Floats(1, 1), TestTensors.Bytes(ElementType.Int8, 1, 1)).Fails<InvalidGraphException>();
    }
}
