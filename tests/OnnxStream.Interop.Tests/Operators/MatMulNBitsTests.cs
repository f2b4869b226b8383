namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MatMulNBitsTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(64, 80)] int inputs, [Values] bool hasZeros, [Values(16, 32)] int block)
    {
        long blocks = (inputs + block - 1) / block;
        OperatorTester tester = new OperatorTester("MatMulNBits", 17, "com.microsoft") { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 2, 3, inputs)).Constant(TestTensors.Random(ElementType.UInt8, 2, 0, 255, 12, blocks, block / 2)).Constant(TestTensors.Floats(3, 12 * blocks))
            .Attribute("K", inputs).Attribute("N", 12).Attribute("bits", 4).Attribute("block_size", block);
        _ = hasZeros ? tester.Constant(TestTensors.Random(ElementType.UInt8, 4, 0, 255, 12 * ((blocks + 1) / 2))) : tester;
        tester.Check(constantsToo: false);
    }

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("MatMulNBits", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 32)).Constant(TestTensors.Random(ElementType.UInt8, 2, 0, 255, 12, 1, 8)).Constant(TestTensors.Floats(3, 12)).Attribute("K", 32).Attribute("N", 12).Attribute("bits", 4).Attribute("block_size", 32).Fails<InvalidGraphException>();
        new OperatorTester("MatMulNBits", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 32)).Constant(TestTensors.Random(ElementType.UInt8, 2, 0, 255, 12, 1, 16)).Constant(TestTensors.Floats(3, 12)).Attribute("K", 32).Attribute("N", 12).Attribute("bits", 2).Attribute("block_size", 32).Fails<UnsupportedOperatorException>();
    }
}
