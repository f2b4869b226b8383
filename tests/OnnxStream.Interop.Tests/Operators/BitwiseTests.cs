namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class BitwiseTests
{
    private static readonly ElementType[] s_types = [ElementType.Int64, ElementType.Int32, ElementType.Int16, ElementType.Int8, ElementType.UInt8, ElementType.UInt16, ElementType.UInt32, ElementType.UInt64];

    [Test]
    public void Types([Values("BitwiseAnd", "BitwiseOr", "BitwiseXor")] string name, [ValueSource(nameof(s_types))] ElementType type) =>
        new OperatorTester(name, 18).Input(TestTensors.Random(type, 1, 0, 120, 3, 1, 40)).Input(TestTensors.Random(type, 2, 0, 120, 2, 40)).Output(type).Check();

    [Test]
    public void NegativeNumbers([Values("BitwiseAnd", "BitwiseOr", "BitwiseXor")] string name) =>
        new OperatorTester(name, 18).Input(TestTensors.Random(ElementType.Int32, 1, -999, 999, 40)).Input(TestTensors.Random(ElementType.Int32, 2, -999, 999, 40)).Output(ElementType.Int32).Check();

    [Test]
    public void Not([ValueSource(nameof(s_types))] ElementType type) =>
        new OperatorTester("BitwiseNot", 18).Input(TestTensors.Random(type, 1, 0, 120, 3, 41)).Output(type).Check();

    [Test]
    public void Shifts([Values("LEFT", "RIGHT")] string direction, [Values(ElementType.UInt8, ElementType.UInt32, ElementType.UInt64)] ElementType type) =>
        new OperatorTester("BitShift", 11).Input(TestTensors.Random(type, 1, 0, 255, 3, 20)).Input(TestTensors.Random(type, 2, 0, 7, 20)).Attribute("direction", direction).Output(type).Check();

    [Test]
    public void ShiftsOf16Bits([Values("LEFT", "RIGHT")] string direction) =>
        new OperatorTester("BitShift", 11).Input(TensorBuffer.Create<ushort>([7, 65535, 256], 3)).Input(TensorBuffer.Create<ushort>([1, 4, 8], 3)).Attribute("direction", direction).Output(ElementType.UInt16)
            .CheckAgainst(_ => [TensorBuffer.Create<ushort>(direction == "LEFT" ? [14, 65520, 0] : [3, 4095, 1], 3)]);

    [Test]
    public void ShiftsByAllBits([Values("LEFT", "RIGHT")] string direction) =>
        new OperatorTester("BitShift", 11).Input(TensorBuffer.Create<uint>([7, 7, 7], 3)).Input(TensorBuffer.Create<uint>([32, 33, uint.MaxValue], 3)).Attribute("direction", direction).Output(ElementType.UInt32)
            .CheckAgainst(_ => [TensorBuffer.Create<uint>([0, 0, 0], 3)]);

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("BitwiseAnd", 18).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("BitwiseNot", 18).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("BitShift", 11).Input(TestTensors.Integers(1)).Input(TestTensors.Integers(1)).Attribute("direction", "LEFT").Fails<InvalidGraphException>();
        new OperatorTester("BitShift", 11).Input(TensorBuffer.Create<byte>([1])).Input(TensorBuffer.Create<byte>([1])).Output(ElementType.UInt8).Fails<InvalidGraphException>();
    }
}
