namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ConstantOperatorTests
{
    [Test]
    public void Tensor([Values(ElementType.Float32, ElementType.Float16, ElementType.Int64, ElementType.Bool)] ElementType type, [Values(3, 600)] int size) =>
        new OperatorTester("Constant", 9).Attribute("value", TestTensors.Random(type, 1, -5, 5, size, 2)).Output(type).Check();

    [Test]
    public void Numbers()
    {
        new OperatorTester("Constant", 13).Attribute("value_float", 1.5f).Check();
        new OperatorTester("Constant", 13).Attribute("value_int", -7).Output(ElementType.Int64).Check();
        new OperatorTester("Constant", 13).Attribute("value_floats", new[] { 1.5f, 2.5f }).Check();
        new OperatorTester("Constant", 13).Attribute("value_ints", new[] { 3, 2, 1 }).Output(ElementType.Int64).Check();
    }

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Constant", 13).Fails<InvalidGraphException>();
        new OperatorTester("Constant", 13).Attribute("value_string", "x").Fails<UnsupportedOperatorException>();
        new OperatorTester("Constant", 13).Attribute("value_float", 3).Fails<InvalidGraphException>();
    }
}
