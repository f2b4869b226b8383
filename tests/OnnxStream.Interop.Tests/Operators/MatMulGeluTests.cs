namespace OnnxStream.Interop.Tests.Operators;

// ONNX Runtime has the operator on graphics processors only: its parts are the reference.
[NativeMemoryLeakCheck]
public class MatMulGeluTests
{
    [Test]
    public void IsGeluOfAProduct([Values] bool hasBias)
    {
        Dictionary<string, TensorBuffer> inputs = new() { ["x"] = TestTensors.Floats(1, 2, 5, 8), ["w"] = TestTensors.Floats(2, 8, 6), ["b"] = hasBias ? TestTensors.Floats(3, 6) : new TensorBuffer(ElementType.Float32, new Shape(6)) };
        byte[] parts = new ModelBuilder(17, "com.microsoft").Input("x", ElementType.Float32, 2, 5, 8).Input("w", ElementType.Float32, 8, 6).Input("b", ElementType.Float32, 6).Node("MatMul", "x w", "p").Node("com.microsoft", "FastGelu", "p b", "y").Output("y").ToBytes();
        OperatorTester tester = new OperatorTester("GemmFastGelu", 17, "com.microsoft").Input(inputs["x"]).Input(inputs["w"]);
        _ = hasBias ? tester.Input(inputs["b"]) : tester;
        tester.CheckAgainst(_ => [Oracle.Run(parts, inputs)["y"]]);
    }
}
