namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MatMulBnb4Tests
{
    [Test]
    public void Weights([Values(0, 1)] int kind, [Values(16, 64)] int block, [Values(1, 7)] int outputs, [Values(32, 48)] int inputs) =>
        new OperatorTester("MatMulBnb4", 17, "com.microsoft") { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 2, 3, inputs)).Constant(TestTensors.Bytes(ElementType.UInt8, 2, (outputs * inputs + 1) / 2)).Constant(TestTensors.Random(ElementType.Float32, 3, 0.1, 0.5, (outputs * inputs + block - 1) / block))
            .Attribute("K", inputs).Attribute("N", outputs).Attribute("block_size", block).Attribute("quant_type", kind).Check();

    [Test]
    public void WrongSizes() =>
        new OperatorTester("MatMulBnb4", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 32)).Constant(TestTensors.Bytes(ElementType.UInt8, 2, 65)).Constant(TestTensors.Floats(3, 8)).Attribute("K", 32).Attribute("N", 4).Attribute("block_size", 16).Attribute("quant_type", 1).Fails<InvalidGraphException>();
}
