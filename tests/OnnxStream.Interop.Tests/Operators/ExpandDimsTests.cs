namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ExpandDimsTests
{
    [Test]
    public void Axes([Values(0, 1, 2, -1, -2)] int axis) => new OperatorTester("ExpandDims", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 4)).Input(TestTensors.Scalar(ElementType.Int32, axis)).Check();

    [Test]
    public void WrongAxis() => new OperatorTester("ExpandDims", 17, "com.microsoft").Input(TestTensors.Floats(1, 3, 4)).Input(TestTensors.FromDoubles(ElementType.Int32, [1, 2], 2)).Fails<InvalidGraphException>();
}
