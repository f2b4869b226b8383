namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SizeOperatorTests
{
    [TestCase(new long[] { 2, 3 })]
    [TestCase(new long[] { })]
    [TestCase(new long[] { 3, 0 })]
    public void Shapes(long[] shape) => new OperatorTester("Size", 13).Input(TestTensors.Floats(1, shape)).Output(ElementType.Int64).Check();
}
