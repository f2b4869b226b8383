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
    public void Blocks([Values(64, 128, 256)] int block, [Values(4, 8)] int bits, [Values(0, 1)] int accuracy, [Values] bool hasZeros)
    {
        const int Inputs = 300;
        long blocks = (Inputs + block - 1) / block;
        OperatorTester tester = new OperatorTester("MatMulNBits", 17, "com.microsoft") { Tolerance = 1e-3 }.Input(TestTensors.Floats(1, 2, 3, Inputs)).Constant(TestTensors.Random(ElementType.UInt8, 2, 0, 255, 12, blocks, block * bits / 8)).Constant(TestTensors.Random(ElementType.Float32, 3, 0.01, 0.02, 12 * blocks))
            .Attribute("K", Inputs).Attribute("N", 12).Attribute("bits", bits).Attribute("block_size", block).Attribute("accuracy_level", accuracy);
        _ = hasZeros ? tester.Constant(TestTensors.Random(ElementType.UInt8, 4, 0, 255, 12 * ((blocks * bits + 7) / 8))) : tester;
        tester.Check(constantsToo: false);
    }

    [Test]
    public void ZerosOfReals([Values] bool hasBias)
    {
        OperatorTester tester = new OperatorTester("MatMulNBits", 17, "com.microsoft") { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 5, 64)).Constant(TestTensors.Random(ElementType.UInt8, 2, 0, 255, 12, 2, 16)).Constant(TestTensors.Random(ElementType.Float32, 3, 0.01, 0.02, 24))
            .Constant(TestTensors.Random(ElementType.Float32, 4, 4, 12, 24)).Attribute("K", 64).Attribute("N", 12).Attribute("bits", 4).Attribute("block_size", 32);
        _ = hasBias ? tester.Input(null).Constant(TestTensors.Floats(5, 12)) : tester;
        tester.Check(constantsToo: false);
    }

    [Test]
    public void TwoBits()
    {
        // In each byte, the first of four numbers lies in the lowest bits; 2 is zero.
        TensorBuffer weight = TensorBuffer.Create<byte>([0b11_10_01_00, 0b11_11_11_11, 0b10_10_10_10, 0b10_10_10_10], 1, 1, 4);
        double[] expected = [-2, -1, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        TensorBuffer identity = TestTensors.FromDoubles(ElementType.Float32, [.. Enumerable.Range(0, 256).Select(i => i % 17 == 0 ? 1.0 : 0)], 16, 16);
        TensorBuffer result = new OperatorTester("MatMulNBits", 17, "com.microsoft").Input(identity).Constant(weight).Constant(TensorBuffer.Create<float>([0.5f], 1)).Attribute("K", 16).Attribute("N", 1).Attribute("bits", 2).Attribute("block_size", 16).Run();
        TestTensors.AssertNumbersClose(result, [.. expected.Select(number => number / 2)], 1e-6, "MatMulNBits");
    }

    [Test]
    public void WrongInputs()
    {
        new OperatorTester("MatMulNBits", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 32)).Constant(TestTensors.Random(ElementType.UInt8, 2, 0, 255, 12, 1, 8)).Constant(TestTensors.Floats(3, 12)).Attribute("K", 32).Attribute("N", 12).Attribute("bits", 4).Attribute("block_size", 32).Fails<InvalidGraphException>();
        new OperatorTester("MatMulNBits", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 32)).Constant(TestTensors.Random(ElementType.UInt8, 2, 0, 255, 12, 1, 16)).Constant(TestTensors.Floats(3, 12)).Attribute("K", 32).Attribute("N", 12).Attribute("bits", 3).Attribute("block_size", 32).Fails<UnsupportedOperatorException>();
        new OperatorTester("MatMulNBits", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 32)).Constant(TestTensors.Random(ElementType.UInt8, 2, 0, 255, 12, 1, 16)).Constant(TestTensors.Floats(3, 12)).Attribute("K", 32).Attribute("N", 12).Attribute("bits", 4).Attribute("block_size", 32).Attribute("weight_prepacked", 1).Fails<UnsupportedOperatorException>();
    }
}
