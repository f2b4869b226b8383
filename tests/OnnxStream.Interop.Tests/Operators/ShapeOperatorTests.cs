namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ShapeOperatorTests
{
    [Test]
    public void WholeShape([Values(1, 13, 15)] int operatorSet) => new OperatorTester("Shape", operatorSet).Input(TestTensors.Floats(1, 2, 0, 7)).Output(ElementType.Int64).Check();

    [Test]
    public void OfScalar() => new OperatorTester("Shape", 13).Input(TestTensors.Floats(1)).Output(ElementType.Int64).Check();

    [Test]
    public void StartAndEnd([Values(-9, -2, 0, 1, 3, 9)] int start, [Values(-9, -1, 0, 2, 9)] int end) =>
        new OperatorTester("Shape", 15).Input(TestTensors.Floats(1, 2, 3, 7)).Attribute("start", start).Attribute("end", end).Output(ElementType.Int64).Check();
}
