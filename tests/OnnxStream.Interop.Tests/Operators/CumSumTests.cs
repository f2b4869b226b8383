namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class CumSumTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(0, 1, -1)] int axis, [Values(0, 1)] int exclusive, [Values(0, 1)] int reverse, [Values(ElementType.Float32, ElementType.Int64, ElementType.Int32, ElementType.Float64)] ElementType type) =>
        new OperatorTester("CumSum", 14).Input(TestTensors.Random(type, 1, -3, 3, 4, 30, 5)).Constant(TestTensors.FromDoubles(ElementType.Int64, [axis]))
            .Attribute("exclusive", exclusive).Attribute("reverse", reverse).Output(type).Check();

    [Test]
    public void AxisAtRunTime([Values(ElementType.Int32, ElementType.Int64)] ElementType type) =>
        new OperatorTester("CumSum", 11).Input(TestTensors.Floats(1, 4, 5)).Input(TestTensors.FromDoubles(type, [1], 1)).Check();

    [Test]
    public void Empty() => new OperatorTester("CumSum", 14).Input(TestTensors.Floats(1, 0, 5)).Constant(TestTensors.Integers(0)).Check();

    [Test]
    public void WrongAxis()
    {
        new OperatorTester("CumSum", 14).Input(TestTensors.Floats(1, 4, 5)).Constant(TestTensors.Integers(2)).Fails<InvalidGraphException>();
        new OperatorTester("CumSum", 14).Input(TestTensors.Floats(1, 4, 5)).Constant(TestTensors.Integers(0, 1)).Fails<InvalidGraphException>();
    }
}
