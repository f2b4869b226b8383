namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ConstantOfShapeTests
{
    private static readonly ElementType[] s_types = [ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.Int64, ElementType.Int32, ElementType.UInt8, ElementType.Bool];

    [Test]
    public void Zeros() => new OperatorTester("ConstantOfShape", 9).Input(TestTensors.Integers(2, 3)).Check();

    [Test]
    public void Values([ValueSource(nameof(s_types))] ElementType type, [Values(new long[] { 300, 301 }, new long[] { }, new long[] { 2, 0 })] long[] shape) =>
        new OperatorTester("ConstantOfShape", 9).Constant(TestTensors.Integers(shape)).Attribute("value", TestTensors.Random(type, 1, 3, 9, 1)).Output(type).Check(constantsToo: false);

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("ConstantOfShape", 9).Constant(TestTensors.Integers(2, -3)).Fails<InvalidGraphException>();
        new OperatorTester("ConstantOfShape", 9).Constant(TestTensors.Integers(1L << 40, 1L << 40)).Fails<InvalidGraphException>();
        new OperatorTester("ConstantOfShape", 9).Constant(TestTensors.Integers(1L << 62)).Fails<InvalidGraphException>();
        new OperatorTester("ConstantOfShape", 9).Constant(TestTensors.Integers(2)).Attribute("value", TestTensors.Floats(1, 2)).Fails<InvalidGraphException>();
    }
}
