namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class NotTests
{
    [TestCase(new long[] { 3, 5 })]
    [TestCase(new long[] { })]
    [TestCase(new long[] { 0 })]
    public void Shapes(long[] shape) =>
        new OperatorTester("Not", 1).Input(TestTensors.Random(ElementType.Bool, 1, -1, 1, shape)).Output(ElementType.Bool).Check();

    [Test]
    public void RefusesWrongNodes() =>
        new OperatorTester("Not", 7).Input(TestTensors.Floats(1, 3)).Output(ElementType.Bool).Fails<InvalidGraphException>();
}
