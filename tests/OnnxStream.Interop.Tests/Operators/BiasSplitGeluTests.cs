namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only: its Gelu is the reference.
[NativeMemoryLeakCheck]
public class BiasSplitGeluTests
{
    [Test]
    public void GatesTheFirstHalf()
    {
        TensorBuffer input = TestTensors.Floats(1, 2, 5, 8);
        TensorBuffer bias = TestTensors.Floats(2, 8);
        double[] sum = [.. TestTensors.ToDoubles(input).Select((x, i) => x + TestTensors.ToDoubles(bias)[i % 8])];
        byte[] gelu = new ModelBuilder(20).Input("x", ElementType.Float32, 2, 5, 4).Node("Gelu", "x", "y").Output("y").ToBytes();
        double[] gates = TestTensors.ToDoubles(Oracle.Run(gelu, new Dictionary<string, TensorBuffer> { ["x"] = TestTensors.FromDoubles(ElementType.Float32, [.. sum.Where((_, i) => i % 8 >= 4)], 2, 5, 4) })["y"]);
        double[] values = [.. sum.Where((_, i) => i % 8 < 4)];
        new OperatorTester("BiasSplitGelu", 17, "com.microsoft").Input(input).Input(bias).CheckAgainst(_ => [TestTensors.FromDoubles(ElementType.Float32, [.. values.Zip(gates, (value, gate) => value * gate)], 2, 5, 4)]);
    }

    [Test]
    public void OddSize() => new OperatorTester("BiasSplitGelu", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 5, 7)).Input(TestTensors.Floats(2, 7)).Fails<InvalidGraphException>();
}
