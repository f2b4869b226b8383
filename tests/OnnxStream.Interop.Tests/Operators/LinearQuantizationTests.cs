namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class LinearQuantizationTests
{
    [Test]
    public void Quantize([Values(ElementType.UInt8, ElementType.Int8, ElementType.UInt16, ElementType.Int16)] ElementType type, [Values(10, 13, 21)] int operatorSet)
    {
        if (operatorSet < 21 && type is ElementType.UInt16 or ElementType.Int16)
        {
            return;
        }

        new OperatorTester("QuantizeLinear", operatorSet).Input(TestTensors.Random(ElementType.Float32, 1, -20, 20, 3, 5, 700))
            .Input(TestTensors.FromDoubles(ElementType.Float32, [0.11])).Input(TestTensors.FromDoubles(type, [7])).Output(type).Check();
    }

    [Test]
    public void HalvesAreRoundedToEven() =>
        new OperatorTester("QuantizeLinear", 13).Input(TestTensors.FromDoubles(ElementType.Float32, [0.5, 1.5, 2.5, -0.5, -1.5, 1e9, -1e9], 7)).Input(TestTensors.FromDoubles(ElementType.Float32, [1])).Output(ElementType.UInt8).Check();

    [Test]
    public void QuantizePerAxis([Values(0, 1, 2, -1)] int axis)
    {
        long[] shape = [3, 5, 7];
        long length = shape[axis < 0 ? 2 : axis];
        new OperatorTester("QuantizeLinear", 13).Input(TestTensors.Random(ElementType.Float32, 1, -20, 20, shape))
            .Input(TestTensors.Random(ElementType.Float32, 2, 0.1, 0.3, length)).Input(TestTensors.Random(ElementType.Int8, 3, -9, 9, length)).Attribute("axis", axis).Output(ElementType.Int8).Check();
    }

    [Test]
    public void Dequantize([Values(ElementType.UInt8, ElementType.Int8, ElementType.Int32)] ElementType type, [Values(10, 13, 21)] int operatorSet) =>
        new OperatorTester("DequantizeLinear", operatorSet).Input(TestTensors.Random(type, 1, 0, 120, 3, 5, 700))
            .Input(TestTensors.FromDoubles(ElementType.Float32, [0.11])).Input(TestTensors.FromDoubles(type, [type == ElementType.Int32 ? 0 : 7])).Check();

    [Test]
    public void DequantizePerAxis([Values(0, 1, 2, -1)] int axis, [Values] bool zeroPoints)
    {
        long[] shape = [3, 5, 7];
        long length = shape[axis < 0 ? 2 : axis];
        OperatorTester tester = new OperatorTester("DequantizeLinear", 13).Input(TestTensors.Random(ElementType.UInt8, 1, 0, 255, shape)).Input(TestTensors.Random(ElementType.Float32, 2, 0.1, 0.3, length)).Attribute("axis", axis);
        _ = zeroPoints ? tester.Input(TestTensors.Random(ElementType.UInt8, 3, 0, 200, length)) : tester;
        tester.Check();
    }

    [Test]
    public void Blocks([Values(0, 1, 2)] int axis, [Values(2, 3)] int block)
    {
        long[] shape = [6, 4, 12];
        long[] scales = [.. shape];
        scales[axis] = (shape[axis] + block - 1) / block;
        new OperatorTester("DequantizeLinear", 21).Input(TestTensors.Random(ElementType.Int8, 1, -90, 90, shape)).Input(TestTensors.Random(ElementType.Float32, 2, 0.1, 0.3, scales))
            .Input(TestTensors.Random(ElementType.Int8, 3, -9, 9, scales)).Attribute("axis", axis).Attribute("block_size", block).Check();
        new OperatorTester("QuantizeLinear", 21).Input(TestTensors.Random(ElementType.Float32, 1, -9, 9, shape)).Input(TestTensors.Random(ElementType.Float32, 2, 0.1, 0.3, scales))
            .Input(TestTensors.Random(ElementType.Int8, 3, -9, 9, scales)).Attribute("axis", axis).Attribute("block_size", block).Output(ElementType.Int8).Check();
    }

    [Test]
    public void HalfPrecision()
    {
        new OperatorTester("QuantizeLinear", 19).Input(TestTensors.Random(ElementType.Float16, 1, -20, 20, 3, 50)).Input(TestTensors.FromDoubles(ElementType.Float16, [0.125])).Output(ElementType.UInt8).Check();
        new OperatorTester("DequantizeLinear", 19) { Tolerance = 1e-3 }.Input(TestTensors.Random(ElementType.Int8, 1, -90, 90, 3, 50)).Input(TestTensors.FromDoubles(ElementType.Float16, [0.11])).Output(ElementType.Float16).Check();
    }

    [Test]
    public void OutputType() =>
        new OperatorTester("QuantizeLinear", 21).Input(TestTensors.Random(ElementType.Float32, 1, -20, 20, 3, 50)).Input(TestTensors.FromDoubles(ElementType.Float32, [0.1])).Attribute("output_dtype", (int)ElementType.Int16).Output(ElementType.Int16).Check();

    [TestCase(-20, 20)]
    [TestCase(3, 20)]
    [TestCase(-20, -3)]
    [TestCase(0, 0)]
    public void Dynamic(double low, double high) =>
        new OperatorTester("DynamicQuantizeLinear", 11).Input(TestTensors.Random(ElementType.Float32, 1, low, high, 3, 50_000)).Output(ElementType.UInt8).Output(ElementType.Float32).Output(ElementType.UInt8).Check(constantsToo: false);

    [Test]
    public void WrongShapes()
    {
        OperatorTester Tester() => new OperatorTester("QuantizeLinear", 21).Input(TestTensors.Floats(1, 3, 4)).Output(ElementType.UInt8);
        Tester().Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(1, 4)).Attribute("axis", 2).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(1, 4)).Input(TestTensors.Random(ElementType.UInt8, 1, 0, 9, 3)).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(1, 3, 3)).Attribute("block_size", 2).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(1, 3, 2)).Attribute("block_size", -2).Fails<InvalidGraphException>();
    }
}
